'use strict';
const { default: Sequencer } = require('@jest/test-sequencer');

/** The soak takes a minute whatever else runs, so it is to start first. */
module.exports = class SoakFirst extends Sequencer {
  sort(tests) {
    const isSoak = ({ path }) => path.endsWith('soak/soak.test.ts');
    return super
      .sort(tests)
      .sort((a, b) => Number(isSoak(b)) - Number(isSoak(a)));
  }
};
