import type { Kevent } from './kevent.js';
import { definePlain } from './to-json.js';

/** An entry of a list, copied out of its memory. */
export class KeventRecord implements Kevent {
  declare ident: number | bigint;
  declare filter: number;
  declare flags: number;
  declare fflags: number;
  declare data: number | bigint;
  declare udata: bigint;
  declare ext?: readonly bigint[];

  static {
    definePlain(KeventRecord);
  }

  constructor(
    ident: number | bigint,
    filter: number,
    flags: number,
    fflags: number,
    data: number | bigint,
    udata: bigint,
  ) {
    this.ident = ident;
    this.filter = filter;
    this.flags = flags;
    this.fflags = fflags;
    this.data = data;
    this.udata = udata;
  }
}
