"use strict";
// The engine of engine.js with one deliberate bug, for trying out what notices it.

const { Engine, serve } = require("./engine.js");

class WrongEngine extends Engine {
  /** Against LIQ-3: an equity of exactly the maintenance margin is treated as a breach. */
  isBreached({ equity, maintenance }) {
    return equity <= maintenance;
  }
}

if (require.main === module) serve(WrongEngine);
