import type { Command } from './command.js';
import { COMMON, type Completion, type Option } from './option.js';

/** The names of signals that a shell completes. */
const SIGNALS = 'HUP INT QUIT USR1 USR2 ALRM TERM CHLD CONT TSTP WINCH';

const allOptions = ({
  options,
}: Command): readonly (readonly [string, Option])[] =>
  Object.entries({ ...options, ...COMMON });

/** The first phrase of a text, because completions have little space. */
const phraseOf = (text: string): string => text.split(/[;:.,] /)[0];

/** Both names of an option. */
const namesOf = ([name, { short }]: readonly [string, Option]): string[] => [
  `--${name}`,
  ...(short === undefined ? [] : [`-${short}`]),
];

/** Whether an option has its value in a separate word. */
const takesValue = ([, { type }]: readonly [string, Option]): boolean =>
  type === 'string';

/**
 * The bash command that fills COMPREPLY. It works in version 3, which macOS
 * has.
 */
const bashWords = (options: string): string =>
  `COMPREPLY=($(compgen ${options} -- "$word"))`;

function bashReply(completes: Completion | undefined): string {
  switch (completes) {
    case undefined:
      return ':';
    case 'file':
      return `compopt -o filenames 2>/dev/null; local IFS=$'\\n'; ${bashWords('-f')}`;
    case 'command':
      return bashWords('-c');
    case 'pid':
      return bashWords('-W "$(ps -A -o pid=)"');
    case 'signal':
      return bashWords(`-W "${SIGNALS}"`);
    default:
      return bashWords(`-W "${completes.join(' ')}"`);
  }
}

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const options = allOptions(command);
    const values = options
      .filter(takesValue)
      .map(
        (option) =>
          `        ${namesOf(option).join('|')}) ${bashReply(option[1].completes)}; return ;;`,
      );
    return `    ${command.name})
${values.length === 0 ? '' : `      case $before in\n${values.join('\n')}\n      esac\n`}      if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "${options.flatMap(namesOf).join(' ')}" -- "$word"))
      else
        ${bashReply(command.operands)}
      fi ;;`;
  });
  const names = commands.map(({ name }) => name).join(' ');
  return `# bash completion of kq: eval "$(kq completion bash)"
_kq() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${names} help --help --version" -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
    help) COMPREPLY=($(compgen -W "${names}" -- "$word")) ;;
${cases.join('\n')}
  esac
}
complete -F _kq kq`;
}

/** Quote a description between brackets. */
const zshText = (text: string): string =>
  text.replace(/'/g, "'\\''").replace(/[[\]:]/g, '\\$&');

function zshAction(completes: Completion | undefined): string {
  switch (completes) {
    case undefined:
      return ' ';
    case 'file':
      return '_files';
    case 'command':
      return '_command_names';
    case 'pid':
      return '_pids';
    case 'signal':
      return `(${SIGNALS})`;
    default:
      return `(${completes.join(' ')})`;
  }
}

function zshOption([name, option]: readonly [string, Option]): string {
  const { short, help, value = name, multiple, completes } = option;
  const words = `[${zshText(phraseOf(help))}]`;
  const argument =
    option.type === 'string'
      ? `:${zshText(value)}:${zshAction(completes)}`
      : '';
  const [both, equals] = [`--${name}`, option.type === 'string' ? '=' : ''];
  if (short !== undefined) {
    return `'(-${short} ${both})'{-${short}${equals === '' ? '' : '+'},${both}${equals}}'${words}${argument}'`;
  }
  return `'${multiple ? '*' : ''}${both}${equals}${words}${argument}'`;
}

function zsh(commands: readonly Command[]): string {
  const names = commands.map(
    ({ name, summary }) => `    '${name}:${zshText(summary)}'`,
  );
  const cases = commands.map((command) => {
    const operands =
      command.operands === undefined
        ? `'*: : '`
        : `'*:operand:${zshAction(command.operands)}'`;
    const all = [...allOptions(command).map(zshOption), operands];
    return `    ${command.name})\n      _arguments -s -S \\\n        ${all.join(' \\\n        ')} ;;`;
  });
  return `#compdef kq
# zsh completion of kq: eval "$(kq completion zsh)"
_kq() {
  local -a commands=(
${names.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
    help) _describe command commands ;;
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == _kq ]]; then
  _kq "$@"
else
  compdef _kq kq
fi`;
}

const fishText = (text: string): string =>
  `'${text.replace(/[\\']/g, '\\$&')}'`;

function fishArguments(completes: Completion | undefined): string {
  switch (completes) {
    case undefined:
      return '-x';
    case 'file':
      return '-r -F';
    case 'command':
      return "-x -a '(__fish_complete_command)'";
    case 'pid':
      return "-x -a '(__fish_complete_pids)'";
    case 'signal':
      return `-x -a '${SIGNALS}'`;
    default:
      return `-x -a '${completes.join(' ')}'`;
  }
}

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const { name, summary, operands } = command;
    const here = `complete -c kq -n '__fish_seen_subcommand_from ${name}'`;
    const options = allOptions(command).map(
      ([option, { short, type, help, completes }]) => {
        const names = `${short === undefined ? '' : ` -s ${short}`} -l ${option}`;
        const value = type === 'string' ? ` ${fishArguments(completes)}` : '';
        return `${here}${names}${value} -d ${fishText(phraseOf(help))}`;
      },
    );
    return [
      `complete -c kq -n __fish_use_subcommand -a ${name} -d ${fishText(summary)}`,
      ...(operands === undefined
        ? []
        : [`${here} ${fishArguments(operands).replace(/^-[rx] /, '')}`]),
      ...options,
    ];
  });
  return `# fish completion of kq: kq completion fish > ~/.config/fish/completions/kq.fish
complete -c kq -f
${lines.join('\n')}`;
}

/** The completions of each shell, as a script. */
export const completionScripts: Readonly<
  Record<string, (commands: readonly Command[]) => string>
> = { bash, zsh, fish };
