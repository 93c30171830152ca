const { handOut } = require('./hand-out.cjs');

handOut('require', require);
