import { UsageError } from './failure.js';

/**
 * Split a command into words, with the quoting of a shell and nothing else.
 * Words are separated by spaces. Within '…' every character is literal. Within
 * "…" and outside, a backslash makes the next character literal. There are no
 * variables, patterns or operators.
 */
export function splitWords(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let i = 0; i < command.length; i++) {
    const char = command[i];
    if (quote === undefined && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quote === undefined && (char === "'" || char === '"')) {
      quote = char;
      word ??= '';
    } else if (char === quote) {
      quote = undefined;
    } else if (char === '\\' && quote !== "'") {
      if (++i === command.length) {
        throw new UsageError('--exec: nothing follows the last \\');
      }
      word = (word ?? '') + command[i];
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== undefined)
    throw new UsageError(`--exec: a ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  if (words.length === 0 || words[0] === '') {
    throw new UsageError('--exec: the command is empty');
  }
  return words;
}
