/**
 * Types of the part of fuse-native that is used here. It ships none. Results below 0 are errnos.
 */
declare module 'fuse-native' {
  export type Done = (error: number) => void;

  export interface FuseStat {
    mode: number;
    uid: number;
    gid: number;
    size: number;
    nlink: number;
    mtime: Date;
    atime: Date;
    ctime: Date;
  }

  export interface FuseOperations {
    getattr(path: string, done: (error: number, stat?: FuseStat) => void): void;
    readdir(path: string, done: (error: number, names?: string[]) => void): void;
    readlink(path: string, done: (error: number, target?: string) => void): void;
    open(path: string, flags: number, done: (error: number, handle?: number) => void): void;
    read(path: string, handle: number, into: Buffer, length: number, offset: number, done: (result: number) => void): void;
    write(path: string, handle: number, bytes: Buffer, length: number, offset: number, done: (result: number) => void): void;
    release(path: string, handle: number, done: Done): void;
    truncate(path: string, size: number, done: Done): void;
    ftruncate(path: string, handle: number, size: number, done: Done): void;
    statfs(path: string, done: (error: number, statfs?: Record<string, number>) => void): void;
  }

  export interface FuseOptions {
    allowOther?: boolean;
    defaultPermissions?: boolean;
    fsname?: string;
    subtype?: string;
  }

  export default class Fuse {
    constructor(mountpoint: string, operations: Partial<FuseOperations>, options: FuseOptions);
    mount(done: (error: Error | null) => void): void;
  }
}
