/**
 * The shape of every kernel's table. This folder has facts only: no logic, and
 * nothing that depends on the host.
 */

/** A C type, without the parts that do not affect the layout. */
export type CType =
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'intptr'
  | 'uintptr'
  | 'pointer'
  | 'long'
  | 'time_t';

/** A CPU whose layout rules are known. */
export type Cpu = 'x64' | 'arm64' | 'ia32' | 'arm';

/** One C field, in the order of the header; `count` for an array. */
export interface Field {
  readonly name: string;
  readonly type: CType;
  readonly count?: number;
}

/** The fields of a C struct, in order; `pack` as in `#pragma pack(n)`. */
export interface StructFacts {
  readonly fields: readonly Field[];
  readonly pack?: number;
}

/** One way to call `kevent`: its symbol, its struct and the type of its counts. */
export interface KeventSymbol {
  /** The name to look up in the library. */
  readonly symbol: string;
  /** The key of the struct in {@link KernelFacts.structs}. */
  readonly struct: string;
  /** The C type of `nchanges` and `nevents`. */
  readonly counts: 'int' | 'size_t';
}

/** Names of the entry points. Each list is in the order to try. */
export interface SymbolFacts {
  readonly kqueue: readonly string[];
  readonly kevent: readonly KeventSymbol[];
  readonly close: readonly string[];
  /** Functions that return `int *` to the calling thread's errno. */
  readonly errno: readonly string[];
}

/**
 * Numbers by name, in the order of the header. If a number has several names, the
 * common name comes first: `EAGAIN` before `EWOULDBLOCK`.
 */
export type Constants = Readonly<Record<string, number>>;

/** The group of a constant. */
export type ConstantGroup =
  | 'filter'
  | 'flag'
  | 'kevent_flag'
  | 'kqueue_flag'
  | `fflag:${string}`;

/** The constants of each group; a constant may belong to several. */
export interface ConstantGroups {
  /** `EVFILT_…`: the filters. */
  readonly filter: Constants;
  /** `EV_…`: bits of `flags`. */
  readonly flag: Constants;
  /** `KEVENT_FLAG_…`: the flags argument of `kevent64`. */
  readonly kevent_flag?: Constants;
  /** `KQUEUE_…`: the flags argument of `kqueuex`. */
  readonly kqueue_flag?: Constants;
  /** `NOTE_…`: `fflags` of one filter, by its name without `EVFILT_`. */
  readonly [fflags: `fflag:${string}`]: Constants | undefined;
}

/** The facts about one kernel's kqueue. */
export interface KernelFacts {
  readonly name: string;
  /** The values of `process.platform` on which it is the native kqueue. */
  readonly platforms: readonly string[];
  /** Names to pass to dlopen, in the order to try. */
  readonly libraries: readonly string[];
  readonly symbols: SymbolFacts;
  readonly cpus: readonly Cpu[];
  /** `time_t`, where it is not 64 bits wide. */
  readonly timeT?: Partial<Readonly<Record<Cpu, 'int32'>>>;
  readonly structs: Readonly<Record<string, StructFacts>>;
  /** Public constants by header name. Filters are signed as in the header. */
  readonly constants: Constants;
  /** The same constants by group, to find names by number. */
  readonly groups: ConstantGroups;
  /**
   * The constants of a group that are values of one field of several bits, such as
   * `NOTE_FFCOPY`. All others are single bits, or masks.
   */
  readonly fields: Readonly<Partial<Record<ConstantGroup, Constants>>>;
  /** Header constants that are counters or markers, not usable values. */
  readonly meta: readonly string[];
  readonly timerUnits: {
    /** The unit of `data` if `fflags` names none. */
    readonly default: 'milliseconds';
    /** The names of the unit constants; absent if the kernel lacks them. */
    readonly seconds?: string;
    readonly milliseconds?: string;
    readonly microseconds?: string;
    readonly nanoseconds?: string;
    readonly absolute?: string;
    /** Enumerated units are one value of a field; flags are single bits. */
    readonly encoding: 'none' | 'flags' | 'enumerated';
  };
  readonly errno: Constants;
  readonly signals: Constants;
}

/** The facts of one kernel, with its names and numbers. */
export interface Table<
  Name extends string,
  Names extends Constants,
  Errnos extends Constants,
> extends KernelFacts {
  readonly name: Name;
  readonly constants: Names;
  readonly errno: Errnos;
}
