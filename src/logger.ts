/** Where an operation tells what it does. `cli/` decides what reaches the console and the logfile. */
export interface Logger {
  debug(text: string): void;
  info(text: string): void;
  warning(text: string): void;
  error(text: string): void;
}

/** A logger that says nothing, for callers that do not care. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warning: () => {},
  error: () => {},
};
