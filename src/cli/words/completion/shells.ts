/** The shells that there is a script for, and its file in the package. */
export const SCRIPTS = { bash: 'completion/backy2.bash', zsh: 'completion/_backy2', fish: 'completion/backy2.fish' } as const;

/** Their names, as the command takes them. */
export const SHELLS = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];
