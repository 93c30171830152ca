const { handOut } = require('./hand-out.cjs');

handOut('require', {
  storagebox: require('storagebox'),
  core: require('storagebox/core'),
  memory: require('storagebox/memory'),
  testing: require('storagebox/testing'),
});
