import { exactOperands } from '../arguments.js';
import type { Command } from '../command.js';
import { completionScripts } from '../completion-scripts.js';
import { EXIT, UsageError } from '../failure.js';
import { print } from '../screen.js';
import { suggest } from '../suggestion.js';

const SHELLS = Object.keys(completionScripts);

/** @param commands All of them, this one among them. */
export const completion = (commands: () => readonly Command[]): Command => ({
  name: 'completion',
  usage: SHELLS.join('|'),
  summary: 'print the completions for a shell',
  help: `The shell then completes commands, options, files, process ids and signals:

  eval "$(kq completion bash)"                              # ~/.bashrc
  eval "$(kq completion zsh)"                               # ~/.zshrc
  kq completion fish > ~/.config/fish/completions/kq.fish`,
  options: {},
  operands: SHELLS,
  run: (parsed) => {
    const shell = exactOperands(parsed, 1, 'the name of a shell');
    if (!Object.hasOwn(completionScripts, shell)) {
      throw new UsageError(
        `the shell must be one of ${SHELLS.join(', ')}: not '${shell}'${suggest(shell, SHELLS)}`,
      );
    }
    print(completionScripts[shell](commands()));
    return EXIT.ok;
  },
});
