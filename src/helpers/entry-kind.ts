/** The kind of a directory entry. A link is not followed. */
export type EntryKind = 'file' | 'directory' | 'symlink' | 'other';
