// As programs have them; bench/native/kevent.c has the same.

/** The first of the idents that are numbers of the program's own. */
export const FIRST_IDENT = 100_001;
/** A number of 38 bits, such as udata often is: a tag and an index. */
export const UDATA = 0x3f12345678;
