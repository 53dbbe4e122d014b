// Checks of the suite itself: every case has a test, every row of the tables
// has a case.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { caseDeviations, traceDeviations, unplayable } from './deviations.js';
import { differentIds } from './differences.js';

/** Every case of the list. */
const CASES = `
  C01 C03 C04 C06 C07 C09 C10 C12 C13 C15 C16 C18 C19 C21 C22 C24 C25 C27 C28
  C30 C31 C33 C34 C36
  T01 T02 T04 T05 T07 T08 T10 T11 T13
  D02 D03 D05 D06 D08 D09 D11 D12 D14 D15 D17 D18 D20 D21 D23 D24
  Q01 Q02 Q04 Q05 Q07 Q08 Q10 Q11 Q12 Q13 Q14
  F01 F03 F04 F06 F07 F09
  R01 R03 R04 R06 R07 R09 R10 R12 R13 R15 R16 R18 R19 R21 R22 R24 R25 R27 R28
  R29 R30 R31 R33 R34 R36 R37 R39 R40 R42 R43 R45 R46 R48 R49
  M02 M03 M05 M06 M08 M09 M11 M12 M14 M15 M17 M18 M20 M21
  U01 U03 U04 U06 U07 U09 U10 U12 U13 U15 U16 U18
  V02 V03 V05 V06 V08 V09 V11 V12 V14 V15 V17 V18 V20 V21 V23 V24 V26 V27
  S02 S03 S04 S05 S06 S08 S09 S11 S12
  P02 P03 P05 P06 P08 P09 P11 P12 P14 P15 P17 P18 P20
  O01 O03 O04
`
  .trim()
  .split(/\s+/);

const { testPath = '' } = expect.getState();
const here = dirname(testPath);
const textOf = (prefix: string): string =>
  readdirSync(here)
    .filter((name) => name.startsWith(prefix))
    .map((name) => readFileSync(join(here, name), 'utf8'))
    .join('\n');
const source = textOf('cases-');

test('each case has a test', () => {
  const missing = CASES.filter(
    (id) => !new RegExp(`['"]${id}\\b`).test(source),
  );
  expect(missing).toEqual([]);
});

test('each deviation names a rule', () => {
  for (const row of [...caseDeviations, ...traceDeviations, ...unplayable]) {
    expect(row.rule).toMatch(/^Q\d+(\.\d+)?$/);
    expect(row.reason).not.toBe('');
  }
});

test('each deviation belongs to a case', () => {
  for (const row of caseDeviations) {
    expect(CASES).toContain(row.case.split('-')[0]);
  }
});

test('each known difference of another kernel belongs to a case or a tested rule', () => {
  for (const id of differentIds('cases')) expect(CASES).toContain(id);
  const rules = textOf('rules-');
  for (const id of differentIds('rules')) {
    expect(rules).toMatch(new RegExp(`['"]${id} `));
  }
});
