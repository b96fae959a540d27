/** The completion script of each shell, as a path in the package. */
export const SCRIPTS = { bash: 'completion/backy2.bash', zsh: 'completion/_backy2', fish: 'completion/backy2.fish' } as const;

/** The supported shells. */
export const SHELLS = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];
