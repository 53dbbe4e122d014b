'use strict';
const { default: Sequencer } = require('@jest/test-sequencer');

/** The soak test takes half a minute at least, so it starts first. */
module.exports = class SoakFirst extends Sequencer {
  sort(tests) {
    const isSoak = ({ path }) => path.endsWith('soak/soak.test.ts');
    return super
      .sort(tests)
      .sort((a, b) => Number(isSoak(b)) - Number(isSoak(a)));
  }
};
