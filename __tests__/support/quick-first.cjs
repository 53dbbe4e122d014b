'use strict';
const { default: Sequencer } = require('@jest/test-sequencer');

/** With `--bail`, the quick tests find most faults before the slow ones start. */
module.exports = class QuickFirst extends Sequencer {
  sort(tests) {
    return super
      .sort(tests)
      .sort((a, b) => (a.duration ?? Infinity) - (b.duration ?? Infinity));
  }
};
