"use strict";
// A skeleton of a liquidation engine that speaks the protocol of spec/protocol.md: node engine.js.
// It starts every run and skips every event. Continue in `apply`, one event type after the other.

const HELLO = {
  ok: true,
  protocol: 1,
  engine: "my-engine 0.1",
  // What `reset` and `apply` report; only this is compared. Add names as you continue (OBS-1 in spec/rules/09-data.md).
  observes: ["time", "block", "pools.collateral"],
  states: "full",
  events: [
    ...["deposit", "withdraw", "transfer", "trade", "mark_price", "marks", "fill", "order_done", "funding"],
    ...["vault_trade", "vault_cash", "block"],
  ],
};

let run = null; // the present run: its time, its block, and the collateral of each account

const refused = (code, message) => ({ ok: false, error: { code, message } });

// Start a run. spec/rules/09-data.md has the configuration (CFG-1); refuse what is not valid as bad_request.
// Amounts are decimal strings: compute with BigInt in their unit, never with Number (spec/rules/01-amounts.md).
function reset(config) {
  if (!Array.isArray(config?.accounts)) return refused("bad_request", "config.accounts: expected a list");
  run = { time: config.time ?? 0, block: 0, collateral: new Map(config.accounts.map((account) => [account, "0"])) };
  return { ok: true, observation: observation() };
}

// Process an event (spec/rules/08-events.md); 07-accounts.md has deposits and trades, 03 to 06 the rest.
// Begin with `deposit` (ACC-4) and `block` (EVT-9). First its checks in their order, of which the first that fails is
// the answer: return refused("not_positive", "amount: 0, must be above 0"); the table in spec/protocol.md has them.
// Then its change: return { ok: true, observation: observation() }.
function apply(event) {
  return { ok: false, skipped: "not implemented" };
}

// What HELLO says that it observes; account, market and mode are always reported (OBS-1, OBS-2).
function observation() {
  const pools = [...run.collateral].map(([account, collateral]) => ({ account, mode: "cross", market: null, collateral }));
  return { time: run.time, block: run.block, positions: [], pools };
}

// The reply to a line; spec/protocol.md lists what else is a bad_request, such as a repeated key.
function answer(line) {
  let request;
  try {
    request = JSON.parse(line);
  } catch {
    return refused("bad_request", "the line is not JSON");
  }
  const { op, protocol, config, event, ...rest } = Object(request);
  const fields = Object.keys(Object(request)).length;
  if (Object.keys(rest).length === 0) {
    if (op === "hello" && protocol === 1 && fields === 2) return HELLO;
    if (op === "reset" && config !== undefined && fields === 2) return reset(config);
    if (op === "apply" && run !== null && event !== undefined && fields === 2) return apply(event);
    if (op === "bye" && fields === 1) return { ok: true, bye: true };
  }
  return refused("bad_request", "not a request of spec/protocol.md, or apply before reset");
}

// Answer each line with one line, at once; end after `bye`, or when the input ends.
function serve(line) {
  const { bye, ...reply } = answer(line);
  process.stdout.write(`${JSON.stringify(reply)}\n`, () => bye && process.exit(0));
}

let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  lines.forEach(serve);
});
process.stdin.on("end", () => rest && serve(rest));
