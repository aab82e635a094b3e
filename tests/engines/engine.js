"use strict";
// A liquidation engine for perpetual futures, written from the rules (version 2.5.0) in spec/ alone.
//
// `node engine.js` speaks the conformance protocol, version 1, on standard input and output; with `--prices` it shows those of OBS-5.
// The sections follow the pages of the rules. A comment that begins with a rule number says where that rule is.
// Inside, every amount is a BigInt number of its unit: ticks, lots, quote units, milliseconds (AMT-1).

const ENGINE_NAME = "liquidation-engine-js 1.0";
const RULES_VERSION = "2.5.0"; // VER-1
const PROTOCOL_VERSION = 1n;

/** EVT-3: a refusal has a code, and a message with the field, the value and the limit. */
class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

function refuseIf(condition, code, message) { if (condition) throw new Refusal(code, typeof message === "function" ? message() : message); }

function badRequestIf(condition, message) { refuseIf(condition, "bad_request", message); }

// ==================================================================================================== JSON
// JSON.parse forgets repeated keys and how a number was written, and the protocol needs both. So it only checks the text, which is
// then read token by token: objects become Map, arrays Array, numbers JsonNumber, and null, booleans and strings themselves.

class JsonNumber {
  constructor(text) { this.text = text; }
}

const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/** The value that begins with a token; next() gives the tokens after it. The text is known to be JSON. */
function readValue(token, next) {
  if (token === "[") {
    const items = [];
    for (let item = next(); item !== "]"; item = next()) if (item !== ",") items.push(readValue(item, next));
    return items;
  }
  if (token === "{") {
    const entries = new Map();
    for (let quoted = next(); quoted !== "}"; quoted = next()) {
      if (quoted === ",") continue;
      const name = readString(quoted);
      badRequestIf(entries.has(name), () => `the key ${quoted} is repeated`);
      next(); // the colon
      entries.set(name, readValue(next(), next));
    }
    return entries;
  }
  if (token.startsWith('"')) return readString(token);
  return /^[-0-9]/.test(token) ? new JsonNumber(token) : JSON.parse(token);
}

/** A string of the text as what it says; with an unpaired surrogate it says nothing. */
function readString(quoted) {
  const text = JSON.parse(quoted);
  badRequestIf(/\p{Cs}/u.test(text), () => `${quoted} has an unpaired surrogate`);
  return text;
}

const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const LONGEST_LINE = 1024 * 1024; // bytes, without its end

/** A line's bytes as a JSON value; whatever is wrong with it is a bad request, and so is one nested too deeply for the stack. */
function readJsonLine(bytes) {
  badRequestIf(bytes.length > LONGEST_LINE, `the line is longer than ${LONGEST_LINE} bytes`);
  try {
    const text = UTF_8.decode(bytes);
    JSON.parse(text);
    const tokens = text.matchAll(JSON_TOKEN);
    const next = () => tokens.next().value[0];
    return readValue(next(), next);
  } catch (problem) {
    throw problem instanceof Refusal ? problem : new Refusal("bad_request", `not JSON in UTF-8: ${problem.message}`);
  }
}

/** Writes objects (Map or plain), arrays, strings, numbers, BigInts of any size, booleans and null. */
function writeJson(value) {
  if (typeof value === "bigint") return value.toString();
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${writeJson(item)}`).join(",")}}`;
}

/** An object with all of the required fields, perhaps some of the optional ones, and no others. */
function readObject(value, what, required, optional = []) {
  badRequestIf(!(value instanceof Map), `${what} is not an object`);
  for (const name of required) badRequestIf(!value.has(name), () => `${what} has no ${name}`);
  for (const name of value.keys()) {
    badRequestIf(!required.includes(name) && !optional.includes(name), () => `${what} has an unknown field ${JSON.stringify(name)}`);
  }
  return Object.fromEntries(value); // safe: every name is one of ours
}

// ==================================================================================================== Amounts

const LARGEST_INTEGER = 2n ** 53n - 1n; // EVT-4
const MOST_DIGITS = 78; // AMT-3, AMT-5

function absolute(amount) { return amount < 0n ? -amount : amount; }

function maximum(first, second) { return first > second ? first : second; }

function minimum(first, second) { return first < second ? first : second; }

// AMT-6: every division names its rounding. Divisors are above 0; BigInt division goes towards zero.
function divideUp(dividend, divisor) { return dividend > 0n ? (dividend + divisor - 1n) / divisor : dividend / divisor; }

function divideDown(dividend, divisor) { return -divideUp(-dividend, divisor); }

function greatestCommonDivisor(first, second) { return second === 0n ? first : greatestCommonDivisor(second, first % second); }

/** EVT-4: the integer, or null; it is written with digits only. */
function integerOrNull(value) {
  if (!(value instanceof JsonNumber) || !/^[0-9]{1,16}$/.test(value.text)) return null;
  const integer = BigInt(value.text);
  return integer <= LARGEST_INTEGER ? integer : null;
}

/** AMT-3: a decimal string as digits ÷ 10^places, or null. */
function decimalOrNull(text) {
  const match = typeof text === "string" && text.length <= MOST_DIGITS + 2 && /^(-?)([0-9]+)(?:\.([0-9]+))?$/.exec(text);
  if (!match) return null;
  const [, sign, whole, fraction = ""] = match;
  if (whole.length + fraction.length > MOST_DIGITS) return null;
  return { text, digits: BigInt(sign + whole + fraction), places: fraction.length };
}

/** AMT-5: a ratio or a decimal string as an exact rational, or null. */
function rateOrNull(text) {
  const ratio = typeof text === "string" && text.length <= MOST_DIGITS + 1 && /^([0-9]+)\/([0-9]+)$/.exec(text);
  if (ratio) {
    const [numerator, denominator] = [BigInt(ratio[1]), BigInt(ratio[2])];
    return denominator === 0n ? null : { numerator, denominator };
  }
  const decimal = decimalOrNull(text);
  return decimal && { numerator: decimal.digits, denominator: 10n ** BigInt(decimal.places) };
}

/** A tick, a lot or a quote unit: amounts outside are whole multiples of it (AMT-4). */
class Grid {
  constructor(decimal) {
    this.text = decimal.text;
    this.digits = decimal.digits;
    this.places = decimal.places;
    this.scale = 10n ** BigInt(decimal.places);
  }

  /** AMT-4: the number of units, or null for an amount off the grid. */
  unitsOrNull(decimal) {
    const dividend = decimal.digits * this.scale;
    const divisor = this.digits * 10n ** BigInt(decimal.places);
    return dividend % divisor === 0n ? dividend / divisor : null;
  }

  /** The decimal string of a number of units. */
  write(units) {
    const total = units * this.digits;
    const sign = total < 0n ? "-" : "";
    const digits = absolute(total).toString().padStart(this.places + 1, "0");
    const split = digits.length - this.places;
    const fraction = digits.slice(split).replace(/0+$/, "");
    return sign + digits.slice(0, split) + (fraction && `.${fraction}`);
  }
}

const SHOWN = new Grid({ text: "", digits: 1n, places: 18 }); // OBS-5

/** AMT-7: code points in order are UTF-8 bytes in order, which UTF-16 code units are not. */
function compareNames(first, second) { return Buffer.compare(Buffer.from(first), Buffer.from(second)); }

// AMT-7: first and last of each range, in addition to the last two code points of each plane.
const REFUSED_IN_NAMES = [
  [0x0000, 0x0020], [0x002f, 0x002f], [0x007f, 0x00a0], [0x00ad, 0x00ad], [0x034f, 0x034f], [0x061c, 0x061c], [0x115f, 0x1160], [0x1680, 0x1680],
  [0x17b4, 0x17b5], [0x180b, 0x180f], [0x2000, 0x200f], [0x2028, 0x202f], [0x205f, 0x206f], [0x3000, 0x3000], [0x3164, 0x3164], [0xd800, 0xdfff],
  [0xfdd0, 0xfdef], [0xfe00, 0xfe0f], [0xfeff, 0xfeff], [0xffa0, 0xffa0], [0xfff0, 0xfffb], [0x1bca0, 0x1bca3], [0x1d173, 0x1d17a], [0xe0000, 0xe0fff],
];

function isRefusedInNames(codePoint) {
  return codePoint % 0x10000 >= 0xfffe || REFUSED_IN_NAMES.some(([first, last]) => codePoint >= first && codePoint <= last);
}

/** AMT-7: a name of a configuration; its length is in code points. */
function isName(text) {
  if (typeof text !== "string") return false;
  const codePoints = [...text].map((character) => character.codePointAt(0));
  return codePoints.length >= 1 && codePoints.length <= 128 && !codePoints.some(isRefusedInNames);
}

// ==================================================================================================== Configuration

function readGrid(text, what) {
  const decimal = decimalOrNull(text);
  badRequestIf(decimal === null || decimal.digits <= 0n, `${what} is not a decimal string above 0`); // CFG-3
  return new Grid(decimal);
}

function readAmount(text, grid, what) {
  const decimal = decimalOrNull(text);
  badRequestIf(decimal === null, `${what} is not a decimal string`);
  const units = grid.unitsOrNull(decimal);
  badRequestIf(units === null, () => `${what} ${text} is not a multiple of ${grid.text}`);
  return units;
}

function readRate(text, what) {
  const rate = rateOrNull(text);
  badRequestIf(rate === null, `${what} is not a rate`);
  return rate;
}

/** CFG-2: a share is at most 1, and above 0 or at least 0. */
function readShare(text, what, { zeroAllowed }) {
  const share = readRate(text, what);
  const tooSmall = zeroAllowed ? share.numerator < 0n : share.numerator <= 0n;
  badRequestIf(tooSmall || share.numerator > share.denominator, `${what} is not between 0 and 1`);
  return share;
}

function readInteger(value, what) {
  const integer = integerOrNull(value);
  badRequestIf(integer === null, `${what} is not an integer from 0 to ${LARGEST_INTEGER}`);
  return integer;
}

function readBoolean(value, what) {
  badRequestIf(typeof value !== "boolean", `${what} is not true or false`);
  return value;
}

function readChoice(value, what, choices) {
  badRequestIf(!choices.includes(value), `${what} is not one of ${choices.join(", ")}`);
  return value;
}

function shareOf(amount, { numerator, denominator }) { return { numerator: amount * numerator, denominator }; }

function isLessRate(first, second) { return first.numerator * second.denominator < second.numerator * first.denominator; }

/** MRG-8: the tiers are a schedule. */
function readTiers(value, what, quote, closeFee) {
  badRequestIf(!Array.isArray(value) || value.length === 0, `${what} is not a list with at least one tier`);
  const tiers = value.map((item, index) => {
    const name = `${what}[${index}]`;
    const tier = readObject(item, name, ["above", "maintenance_rate", "max_leverage"], ["closeout_rate"]);
    return {
      above: readAmount(tier.above, quote, `${name}.above`),
      rate: readRate(tier.maintenance_rate, `${name}.maintenance_rate`),
      maximumLeverage: readInteger(tier.max_leverage, `${name}.max_leverage`),
      closeoutRate: "closeout_rate" in tier ? readRate(tier.closeout_rate, `${name}.closeout_rate`) : null,
    };
  });
  tiers.forEach((tier, index) => {
    const { above, rate, maximumLeverage } = tier;
    const name = `${what}[${index}]`;
    badRequestIf(rate.numerator <= 0n, `${name}.maintenance_rate is not above 0`);
    badRequestIf(maximumLeverage < 1n, `${name}.max_leverage is not at least 1`);
    badRequestIf(rate.numerator * maximumLeverage > rate.denominator, `${name}.maintenance_rate is above 1 ÷ max_leverage`);
    const withoutFee = { numerator: closeFee.denominator - closeFee.numerator, denominator: closeFee.denominator };
    badRequestIf(isLessRate(withoutFee, rate), `${name}.maintenance_rate and margin.close_fee_rate are together above 1`); // MRG-15
    if (index === 0) return badRequestIf(above !== 0n, `${name}.above is not 0`);
    const before = tiers[index - 1];
    badRequestIf(above <= before.above, `${name}.above is not greater than the one before`);
    badRequestIf(isLessRate(rate, before.rate), `${name}.maintenance_rate falls`);
    badRequestIf(maximumLeverage > before.maximumLeverage, `${name}.max_leverage rises`);
  });
  checkCloseoutRates(tiers, what);
  addSchedule(tiers, "maintenance", tiers.map((tier) => tier.rate), closeFee);
  if (tiers[0].closeoutRate !== null) addSchedule(tiers, "closeout", tiers.map((tier) => tier.closeoutRate), closeFee);
  return tiers;
}

/** BKS-9 */
function checkCloseoutRates(tiers, what) {
  tiers.forEach(({ rate, closeoutRate }, index) => {
    const name = `${what}[${index}].closeout_rate`;
    const before = index === 0 ? null : tiers[index - 1].closeoutRate;
    badRequestIf((closeoutRate === null) !== (tiers[0].closeoutRate === null), `${what}: some tiers have a closeout_rate, and some have not`);
    if (closeoutRate === null) return;
    badRequestIf(closeoutRate.numerator <= 0n, `${name} is not above 0`);
    badRequestIf(isLessRate(rate, closeoutRate), `${name} is above the maintenance_rate`);
    badRequestIf(before !== null && isLessRate(closeoutRate, before), `${name} falls`);
  });
}

/** MRG-5: each tier's rate and deduction, over one denominator, so that they stay exact. The fee of closing is in the rates (MRG-15). */
function addSchedule(tiers, name, rates, closeFee) {
  let denominator = closeFee.denominator;
  for (const rate of rates) denominator *= rate.denominator / greatestCommonDivisor(denominator, rate.denominator);
  const fee = (closeFee.numerator * denominator) / closeFee.denominator; // whole, by the choice of the denominator, as the rates are
  let [rateBefore, deduction] = [0n, 0n];
  tiers.forEach((tier, index) => {
    const rate = (rates[index].numerator * denominator) / rates[index].denominator + fee;
    deduction += tier.above * (rate - rateBefore);
    tier[name] = { rate, deduction, denominator };
    rateBefore = rate;
  });
}

/** ACC-17: the modes in which a market is traded. */
function readModes(value, what) {
  badRequestIf(!Array.isArray(value) || value.length === 0, `${what} is not a list with at least one mode`);
  for (const mode of value) readChoice(mode, what, ["cross", "isolated"]);
  badRequestIf(new Set(value).size !== value.length, `${what} has a mode twice`);
  return value;
}

/** MRG-13 to MRG-15: how margins are asked. */
function readMargin(value) {
  const fields = readObject(value, "margin", [], ["rounding", "valuation", "close_fee_rate"]);
  return {
    rounding: readChoice(orDefault(fields, "rounding", "up"), "margin.rounding", ["up", "down"]),
    valuation: readChoice(orDefault(fields, "valuation", "mark"), "margin.valuation", ["mark", "entry"]),
    closeFee: readShare(orDefault(fields, "close_fee_rate", "0"), "margin.close_fee_rate", { zeroAllowed: true }),
  };
}

function readMarket(name, value, quote, margin) {
  badRequestIf(!isName(name), () => `${JSON.stringify(name)} is not a valid name for a market`);
  const fields = readObject(value, `markets.${name}`, ["tick", "lot", "tiers"], ["modes", "isolated_removal"]);
  const tick = readGrid(fields.tick, `markets.${name}.tick`);
  const lot = readGrid(fields.lot, `markets.${name}.lot`);
  const unit = quote.unitsOrNull({ digits: tick.digits * lot.digits, places: tick.places + lot.places });
  badRequestIf(unit === null, `markets.${name}: tick × lot is not a multiple of the quote unit`); // AMT-2
  const tiers = readTiers(fields.tiers, `markets.${name}.tiers`, quote, margin.closeFee);
  const modes = "modes" in fields ? readModes(fields.modes, `markets.${name}.modes`) : ["cross", "isolated"];
  const removal = readChoice(orDefault(fields, "isolated_removal", "free"), `markets.${name}.isolated_removal`, ["free", "never"]);
  badRequestIf(removal === "never" && !modes.includes("isolated"), `markets.${name} never has an isolated position`); // ACC-18
  return { name, tick, lot, unit, tiers, margin, modes, removal, mark: 0n, isSettled: false };
}

function readMarkets(value, marks, quote, margin) {
  badRequestIf(!(value instanceof Map) || value.size === 0, "markets is not an object with at least one market");
  badRequestIf(!(marks instanceof Map), "marks is not an object");
  for (const name of marks.keys()) badRequestIf(!value.has(name), () => `marks has an unknown market ${JSON.stringify(name)}`);
  const markets = [...value].map(([name, fields]) => readMarket(name, fields, quote, margin));
  for (const market of markets) {
    badRequestIf(!marks.has(market.name), `marks has no ${market.name}`);
    market.mark = readAmount(marks.get(market.name), market.tick, `marks.${market.name}`);
    badRequestIf(market.mark <= 0n, `marks.${market.name} is not above 0`);
  }
  markets.sort((first, second) => compareNames(first.name, second.name));
  return new Map(markets.map((market, rank) => [market.name, Object.assign(market, { rank })]));
}

function readAccounts(value) {
  badRequestIf(!Array.isArray(value) || value.length === 0, "accounts is not a list with at least one account");
  for (const name of value) badRequestIf(!isName(name), "accounts has something that is not a valid name");
  badRequestIf(new Set(value).size !== value.length, "accounts has an account twice");
  return [...value].sort(compareNames);
}

const LIQUIDATION_FIELDS = [
  "order_policy", "stop_when_restored", "partial_threshold", "partial_fraction", "cooldown_ms", "cooldown_scope", "fee_rate", "restore",
  "partial_method", "tier_steps", "partial_lots", "min_order_notional", "min_rest_notional", "order_price", "market_attempt",
  "assess_at",
];

/** LIQ-15: what equity must reach for a pool to be restored. */
function readRestore(value) {
  const fields = readObject(value, "liquidation.restore", [], ["measure", "factor"]);
  const factor = readRate(orDefault(fields, "factor", "1"), "liquidation.restore.factor");
  badRequestIf(factor.numerator < factor.denominator, "liquidation.restore.factor is below 1");
  return { factor, measure: readChoice(orDefault(fields, "measure", "maintenance"), "liquidation.restore.measure", ["maintenance", "initial"]) };
}

/** MRK-1: how marks are formed. */
function readForming(value) {
  const fields = readObject(value, "mark", [], ["max_move", "stale_ms"]);
  return {
    maxMove: "max_move" in fields ? readShare(fields.max_move, "mark.max_move", { zeroAllowed: false }) : null,
    stale: "stale_ms" in fields ? readInteger(fields.stale_ms, "mark.stale_ms") : null,
  };
}

/** PRT-4: how large a chunk is. */
function readPartial(fields) {
  const methods = ["fraction", "restore", "tier_down", "lots"];
  const method = readChoice(orDefault(fields, "partial_method", "fraction"), "liquidation.partial_method", methods);
  const numberOf = (name, owner) => {
    if (!(name in fields)) return 1n;
    badRequestIf(method !== owner, `liquidation.${name} belongs to the partial_method ${owner}`);
    const number = readInteger(fields[name], `liquidation.${name}`);
    badRequestIf(number < 1n, `liquidation.${name} is not at least 1`);
    return number;
  };
  return { method, steps: numberOf("tier_steps", "tier_down"), lots: numberOf("partial_lots", "lots") };
}

/** LIQ-17: "market", "bankruptcy" or a band, which is a rate. */
function readOrderPrice(value) {
  if (!(value instanceof Map)) return readChoice(value, "liquidation.order_price", ["market", "bankruptcy"]);
  return readShare(readObject(value, "liquidation.order_price", ["band"]).band, "liquidation.order_price.band", { zeroAllowed: true });
}

/** An amount of at least 0, or null where it is left out. */
function readOptionalAmount(fields, name, quote) {
  if (!(name in fields)) return null;
  const amount = readAmount(fields[name], quote, `liquidation.${name}`);
  badRequestIf(amount < 0n, `liquidation.${name} is below 0`);
  return amount;
}

/** PRT-4, PRT-5, LIQ-16: parameters of orders and of chunks are refused where there are none. */
function refuseWithoutEffect(liquidation) {
  const chunks = liquidation.partial.method !== "fraction" || liquidation.leastOrder > 0n || liquidation.leastRest > 0n;
  badRequestIf(chunks && liquidation.partialThreshold === null, "liquidation has no partial_threshold, so no order is for a chunk");
  badRequestIf((chunks || liquidation.orderPrice !== "market") && !liquidation.marketAttempt, "liquidation has no orders");
}

const TABLES = ["vault", "liquidation", "margin", "account", "trading", "mark"];

/** CFG-1, CFG-2: a configuration, with its defaults. */
function readConfiguration(value) {
  const fields = readObject(value, "config", ["markets", "accounts", "marks", "backstop"], ["quote_unit", "time", ...TABLES]);
  const quote = readGrid(orDefault(fields, "quote_unit", "0.000001"), "quote_unit");
  const vault = readObject(orDefault(fields, "vault", new Map()), "vault", [], ["cash"]);
  const liquidation = readObject(orDefault(fields, "liquidation", new Map()), "liquidation", [], LIQUIDATION_FIELDS);
  const backstop = readObject(fields.backstop, "backstop", ["threshold"], ["return_fraction", "measure"]);
  const account = readObject(orDefault(fields, "account", new Map()), "account", [], ["withdraw_floor", "withdraw_from"]);
  const trading = readObject(orDefault(fields, "trading", new Map()), "trading", [], ["crossing"]);
  const markets = readMarkets(fields.markets, fields.marks, quote, readMargin(orDefault(fields, "margin", new Map())));
  const isByTier = readChoice(orDefault(backstop, "measure", "threshold"), "backstop.measure", ["threshold", "tier"]) === "tier";
  for (const { name, tiers } of markets.values()) {
    badRequestIf(isByTier && tiers[0].closeoutRate === null, `markets.${name} has no closeout_rate`); // BKS-9
  }
  const configuration = {
    quote,
    time: readInteger(orDefault(fields, "time", new JsonNumber("0")), "time"),
    accounts: readAccounts(fields.accounts),
    markets,
    vaultCash: readAmount(orDefault(vault, "cash", "0"), quote, "vault.cash"),
    orderPolicy: readChoice(orDefault(liquidation, "order_policy", "all"), "liquidation.order_policy", ["all", "ranked"]),
    stopWhenRestored: readBoolean(orDefault(liquidation, "stop_when_restored", true), "liquidation.stop_when_restored"),
    partialThreshold: readOptionalAmount(liquidation, "partial_threshold", quote),
    partialFraction: readShare(orDefault(liquidation, "partial_fraction", "1"), "liquidation.partial_fraction", { zeroAllowed: false }),
    partial: readPartial(liquidation),
    leastOrder: readOptionalAmount(liquidation, "min_order_notional", quote) ?? 0n,
    leastRest: readOptionalAmount(liquidation, "min_rest_notional", quote) ?? 0n,
    orderPrice: readOrderPrice(orDefault(liquidation, "order_price", "market")),
    marketAttempt: readBoolean(orDefault(liquidation, "market_attempt", true), "liquidation.market_attempt"),
    assessAt: readChoice(orDefault(liquidation, "assess_at", "event"), "liquidation.assess_at", ["event", "block"]),
    cooldown: readInteger(orDefault(liquidation, "cooldown_ms", new JsonNumber("0")), "liquidation.cooldown_ms"),
    cooldownScope: readChoice(orDefault(liquidation, "cooldown_scope", "pool"), "liquidation.cooldown_scope", ["position", "pool", "account"]),
    feeRate: readShare(orDefault(liquidation, "fee_rate", "0"), "liquidation.fee_rate", { zeroAllowed: true }),
    restore: readRestore(orDefault(liquidation, "restore", new Map())),
    forming: "mark" in fields ? readForming(fields.mark) : null,
    backstopThreshold: readShare(backstop.threshold, "backstop.threshold", { zeroAllowed: false }),
    returnFraction: readShare(orDefault(backstop, "return_fraction", "0"), "backstop.return_fraction", { zeroAllowed: true }),
    backstopMeasure: isByTier ? "closeout" : "maintenance",
    withdrawFloor: "withdraw_floor" in account ? readShare(account.withdraw_floor, "account.withdraw_floor", { zeroAllowed: false }) : null,
    withdrawFrom: readChoice(orDefault(account, "withdraw_from", "equity"), "account.withdraw_from", ["equity", "collateral"]),
    crossing: readChoice(orDefault(trading, "crossing", "refuse"), "trading.crossing", ["refuse", "split"]),
  };
  refuseWithoutEffect(configuration);
  return configuration;
}

/** A field that is left out has its default; one that is null is mistyped. */
function orDefault(fields, name, value) { return name in fields ? fields[name] : value; }

// ==================================================================================================== Margin
// A holding is anything with a market, a size (not 0), a cost and a leverage: a position, or what one would become.

/** MRG-1 */
function unrealisedProfit({ market, size, cost }) { return size * market.mark * market.unit - cost; }

/** MRG-2 */
function notionalOf({ market, size }) { return absolute(size) * market.mark * market.unit; }

/** MRG-4: the last tier that starts strictly below the notional; the first one also holds a notional of 0. */
function tierOf(market, notional) {
  let found = market.tiers[0];
  for (const tier of market.tiers) if (tier.above < notional) found = tier;
  return found;
}

/** MRG-14: the notional that margins are asked of. */
function askedNotionalOf(holding) { return holding.market.margin.valuation === "entry" ? absolute(holding.cost) : notionalOf(holding); }

/** MRG-5, MRG-13: by the rates of a schedule. */
function marginBy(schedule, holding) {
  const asked = askedNotionalOf(holding);
  const { rate, deduction, denominator } = tierOf(holding.market, asked)[schedule];
  return (holding.market.margin.rounding === "up" ? divideUp : divideDown)(asked * rate - deduction, denominator);
}

function maintenanceMarginOf(holding) { return marginBy("maintenance", holding); }

/** MRG-7, MRG-15 */
function initialMarginOf(holding) {
  const asked = askedNotionalOf(holding);
  const leverage = minimum(holding.leverage, tierOf(holding.market, asked).maximumLeverage);
  const { numerator, denominator } = holding.market.margin.closeFee;
  return divideUp(asked * (denominator + numerator * leverage), leverage * denominator);
}

/** MRG-3, MRG-6, MRG-7, BKS-9: the measures of a pool; each position's margin is rounded first, then they are added. */
function measure(collateral, holdings) {
  const measures = { equity: collateral, maintenance: 0n, initial: 0n, closeout: 0n };
  for (const holding of holdings) {
    measures.equity += unrealisedProfit(holding);
    measures.maintenance += maintenanceMarginOf(holding);
    measures.initial += initialMarginOf(holding);
    if ("closeout" in holding.market.tiers[0]) measures.closeout += marginBy("closeout", holding);
  }
  return measures;
}

/** MRG-9: what closing some lots of a position releases of its cost, and realises into the collateral. */
function closing({ market, size, cost }, closed, price) {
  const sign = size > 0n ? 1n : -1n;
  const released = (cost * closed) / absolute(size); // towards zero, with the sign of the cost
  return { size: size - sign * closed, cost: cost - released, realised: sign * closed * price * market.unit - released };
}

// ==================================================================================================== Mark price
// Inputs are in ticks, candidates in billionths of a tick. A decimal is digits ÷ 10^places, as in AMT-3, but places may be below 0.

const BILLION = 10n ** 9n;
const DIGITS = 28; // MRK-5
const ZERO = { digits: 0n, places: 0 };

/** To the nearest; of two that are equally near to the even one. */
function divideEven(dividend, divisor) {
  const down = divideDown(dividend, divisor);
  const twice = 2n * (dividend - down * divisor);
  return twice > divisor || (twice === divisor && down % 2n !== 0n) ? down + 1n : down;
}

function countDigits(integer) { return absolute(integer).toString().length; }

function rounded({ digits, places }) {
  const excess = countDigits(digits) - DIGITS;
  return excess > 0 ? { digits: divideEven(digits, 10n ** BigInt(excess)), places: places - excess } : { digits, places };
}

function add(first, second) {
  const places = Math.max(first.places, second.places);
  const [left, right] = [first, second].map((term) => term.digits * 10n ** BigInt(places - term.places));
  return rounded({ digits: left + right, places });
}

/** Below 10^-28 it counts as 0. */
function multiply(first, second) {
  const product = rounded({ digits: first.digits * second.digits, places: first.places + second.places });
  return countDigits(product.digits) - product.places <= -DIGITS ? ZERO : product;
}

/** The divisor is above 0. One digit more than needed says whether the division left a remainder. */
function divide(dividend, divisor) {
  const more = Math.max(countDigits(divisor.digits) - countDigits(dividend.digits), 0) + DIGITS + 2;
  const scaled = absolute(dividend.digits) * 10n ** BigInt(more);
  const digits = (scaled / divisor.digits) * 10n + (scaled % divisor.digits === 0n ? 0n : 1n);
  return rounded({ digits: dividend.digits < 0n ? -digits : digits, places: dividend.places - divisor.places + more + 1 });
}

/** e^-exponent, for an exponent of at least 0; from 1000 on it is 0, as no price is long enough to show it. */
function decay(exponent) {
  const one = 10n ** 60n;
  const scale = 10n ** BigInt(exponent.places);
  if (exponent.digits >= 1000n * scale) return ZERO;
  let sum = 0n;
  for (let [term, n] = [one, 1n]; term > 0n; n += 1n) {
    sum += term;
    term = (term * exponent.digits) / (scale * n);
  }
  return divide({ digits: one, places: 0 }, { digits: sum, places: 0 });
}

/** MRK-5: an average over time; its value is as the last sample left it. */
class Average {
  constructor(tau) {
    Object.assign(this, { tau: { digits: tau, places: 0 }, value: 0n, numerator: ZERO, denominator: ZERO, time: null });
  }

  add(sample, now) {
    const lasted = { digits: now - (this.time ?? now), places: 0 };
    const factor = decay(divide(lasted, this.tau));
    this.numerator = add(multiply(this.numerator, factor), multiply({ digits: sample, places: 9 }, lasted));
    this.denominator = add(multiply(this.denominator, factor), lasted);
    this.time = now;
    this.value = this.denominator.digits === 0n ? sample : inBillionths(divide(this.numerator, this.denominator));
  }
}

/** MRK-5: rounded to nine decimals. */
function inBillionths({ digits, places }) {
  const [above, below] = [-places, places].map((power) => 10n ** BigInt(Math.max(power, 0)));
  return divideEven(digits * BILLION * above, below);
}

function compareAmounts(first, second) { return first < second ? -1 : first > second ? 1 : 0; }

function sorted(amounts) { return [...amounts].sort(compareAmounts); }

/** MRK-4, in billionths: the mean of the prices at which half of the weight is reached and is exceeded, mostly one and the same. */
function weightedMedian(entries) {
  const total = entries.reduce((sum, { weight }) => sum + weight, 0n);
  let [reached, lower] = [0n, null];
  for (const { price, weight } of [...entries].sort((first, second) => compareAmounts(first.price, second.price))) {
    reached += weight;
    if (lower === null && 2n * reached >= total) lower = price;
    if (2n * reached > total) return ((lower + price) * BILLION) / 2n;
  }
}

/** What forms the marks of one market. */
class Former {
  constructor({ stale, maxMove }) {
    Object.assign(this, { stale, maxMove, inputs: new Map(), basis: new Average(150_000n), book: new Average(30_000n) });
  }

  /** The mark that an event with these inputs leads to, in ticks. */
  form(given, now, previous) {
    const inputs = new Map([...this.inputs].filter(([, { time }]) => this.stale !== null && now - time <= this.stale)); // MRK-2
    for (const [name, value] of Object.entries(given)) inputs.set(name, { value, time: now });
    const candidates = this.candidates(inputs, now);
    this.inputs = inputs;
    return this.limited(medianMark(candidates), previous);
  }

  /** MRK-3, in billionths. Samples are added before their averages are used. */
  candidates(inputs, now) {
    const [index, bid, ask, last, perps] = [...QUOTES, "perps"].map((name) => inputs.get(name)?.value);
    const hasBook = bid !== undefined && ask !== undefined;
    refuseIf(index === undefined && perps === undefined && !hasBook, "no_price", "no index, no book and no prices on other venues"); // MRK-6
    const candidates = [];
    if (hasBook) {
      const mid = ((bid + ask) * BILLION) / 2n;
      candidates.push(last === undefined ? mid : sorted([bid, ask, last])[1] * BILLION);
      this.book.add(candidates[0], now);
      if (index !== undefined) this.basis.add(mid - index * BILLION, now);
    }
    if (index !== undefined) candidates.push(maximum(index * BILLION + this.basis.value, BILLION));
    if (perps !== undefined) candidates.push(weightedMedian(perps));
    if (hasBook && candidates.length === 2) candidates.push(this.book.value);
    return candidates;
  }

  /** MRK-7 */
  limited(mark, previous) {
    if (this.maxMove === null) return mark;
    const most = maximum(divideDown(previous * this.maxMove.numerator, this.maxMove.denominator), 1n);
    return minimum(maximum(mark, previous - most), previous + most);
  }
}

/** MRK-6: the median of one, two or three candidates, rounded to ticks. */
function medianMark(candidates) {
  const [lower, upper] = [candidates.length - 1, candidates.length].map((twice) => sorted(candidates)[twice >> 1]);
  return divideEven(lower + upper, 2n * BILLION);
}

// ==================================================================================================== Lifecycle

/** LIF-1: spec/machine.toml. T13 is reserved (LIF-5). */
const TRANSITIONS = [
  ["T0", "open", ["new", "closed"], [], "healthy"],
  ["T1", "assess", ["healthy"], ["needs_liquidation"], "liquidatable"],
  ["T2", "assess", ["cooldown"], ["needs_liquidation"], "liquidatable"],
  ["T3", "assess", ["liquidatable"], ["restored", "own_window_open"], "cooldown"],
  ["T4", "assess", ["liquidatable"], ["restored", "not own_window_open"], "healthy"],
  ["T5", "assess", ["liquidatable", "partially_liquidated"], ["below_backstop", "book_failed"], "backstopped"],
  ["T6", "fill", ["liquidatable", "partially_liquidated"], ["size_remains"], "partially_liquidated"],
  ["T7", "fill", ["liquidatable", "partially_liquidated"], ["not size_remains"], "closed"],
  ["T8", "block", ["partially_liquidated"], ["own_window_open"], "cooldown"],
  ["T9", "block", ["partially_liquidated"], ["not own_window_open"], "healthy"],
  ["T10", "block", ["cooldown"], ["not own_window_open"], "healthy"],
  ["T11", "block", ["backstopped"], [], "closed"],
  ["T12", "reduce", ["healthy", "cooldown", "liquidatable", "partially_liquidated"], ["not size_remains"], "closed"],
].map(([name, trigger, from, guards, to]) => ({ name, trigger, from, guards, to }));

const GUARDS = {
  needs_liquidation: (engine, position) => engine.needsLiquidation(position.pool),
  restored: (engine, position) => engine.isRestored(engine.measuresOf(position.pool)),
  own_window_open: (engine, position) => engine.isOpenWindow(position.window),
  below_backstop: (engine, position) => engine.isBelowBackstop(engine.measuresOf(position.pool)),
  book_failed: (engine, position) => engine.bookFailed(position.pool),
  size_remains: (engine, position) => position.size !== 0n,
};

// ==================================================================================================== The engine

/** CLD-2, CLD-3: the end of a window, and its end as it was when the present block began; 0 is never open. */
function newWindow() { return { end: 0n, endWhenBlockBegan: 0n }; }

/** ACC-1: a pool is collateral and the positions that it backs; the cross pool has no market. */
function newPool(account, market) {
  const key = market === null ? `${account.name}/cross` : `${account.name}/${market.name}/isolated`;
  return { key, account, market, collateral: 0n, inLiquidation: false, positions: [], window: newWindow() };
}

/** LIF-2: a key that has not been opened yet. */
function newPosition(pool, market) {
  const mode = pool.market === null ? "cross" : "isolated";
  const key = `${pool.account.name}/${market.name}/${mode}`;
  return { key, pool, market, mode, state: "new", life: 0n, ...newLife() };
}

/** LIF-2: nothing of an earlier life carries over. The order is what is left of the working one, in lots (OBS-2), the limit its own. */
function newLife() { return { size: 0n, cost: 0n, leverage: 0n, order: null, limit: null, attempted: false, failed: false, window: newWindow() }; }

/** LIQ-7: by account; the cross pool first, then the isolated ones by market. */
function comparePools(first, second) {
  return first.account.rank - second.account.rank || (first.market?.rank ?? -1) - (second.market?.rank ?? -1);
}

/** OBS-1, LIF-4: by account, market, mode. */
function comparePositions(first, second) {
  const byKey = first.pool.account.rank - second.pool.account.rank || first.market.rank - second.market.rank;
  return byKey || (first.mode < second.mode ? -1 : 1);
}

function openPositions(pool) { return pool.positions.filter((position) => position.size !== 0n); }

function hasWorkingOrder(pool) { return pool.positions.some((position) => position.order !== null); }

class Engine {
  constructor(config, showsPrices = false) {
    Object.assign(this, { config, showsPrices });
    this.quote = config.quote;
    this.markets = config.markets;
    this.time = config.time;
    this.block = 0n;
    this.accounts = new Map(config.accounts.map((name, rank) => [name, { name, rank, isolated: new Map(), window: newWindow() }]));
    this.pools = []; // in the order of LIQ-7
    for (const account of this.accounts.values()) {
      account.cross = newPool(account, null);
      this.pools.push(account.cross);
    }
    this.positions = []; // in the order of OBS-1
    this.vault = { cash: config.vaultCash, sizes: new Map([...this.markets.values()].map((market) => [market, 0n])) };
    this.formers = config.forming && new Map([...this.markets.values()].map((market) => [market, new Former(config.forming)]));
    this.effects = [];
  }

  // ------------------------------------------------------------------------------------------------ measures

  measuresOf(pool) { return measure(pool.collateral, openPositions(pool)); }

  /** LIQ-3: strictly below; equal is healthy. */
  isBreached({ equity, maintenance }) { return equity < maintenance; }

  /** LIQ-4, LIQ-15 */
  isRestored(measures) {
    const { factor, measure } = this.config.restore;
    return !this.isBreached(measures) && measures.equity * factor.denominator >= measures[measure] * factor.numerator;
  }

  /** LIQ-5 */
  needsLiquidation(pool) {
    const measures = this.measuresOf(pool);
    return this.isBreached(measures) || (pool.inLiquidation && !this.isRestored(measures));
  }

  /** BKS-1, BKS-9: exactly, by cross-multiplication. */
  isBelowBackstop(measures) {
    const { numerator, denominator } = this.config.backstopThreshold;
    return measures.equity * denominator < measures[this.config.backstopMeasure] * numerator;
  }

  /** BKS-2; LIQ-16: without a market step it counts as failed. */
  bookFailed(pool) { return !this.config.marketAttempt || openPositions(pool).every((position) => position.failed); }

  // ------------------------------------------------------------------------------------------------ lifecycle

  /** LIF-1: the one transition whose guards hold, or none. */
  trigger(trigger, position) {
    const holds = (guard) => (guard.startsWith("not ") ? !holds(guard.slice(4)) : GUARDS[guard](this, position));
    const transition = TRANSITIONS.find(
      (candidate) => candidate.trigger === trigger && candidate.from.includes(position.state) && candidate.guards.every(holds),
    );
    if (transition === undefined) return;
    this.effects.push(`${transition.name} ${position.key} ${position.state} -> ${transition.to}`);
    position.state = transition.to;
  }

  // ------------------------------------------------------------------------------------------------ assessment

  /** LIQ-6, LIQ-7: every touched pool, in one order; the market first for all, then the backstop for all. */
  assess(touched) {
    const pools = [...new Set(touched)].sort(comparePools);
    const undecided = pools.filter((pool) => !this.assessFirstSteps(pool));
    for (const pool of undecided) this.backstopOrWait(pool);
  }

  /** Steps 1 to 4; says whether the assessment is done. */
  assessFirstSteps(pool) {
    return this.settleEmptyPool(pool) || this.watchWorkingOrders(pool) || this.leaveRestoredPool(pool) || this.offerToMarket(pool);
  }

  /** LIQ-8, step 1. */
  settleEmptyPool(pool) {
    if (openPositions(pool).length > 0) return false;
    pool.inLiquidation = false;
    if (pool.collateral < 0n) {
      this.vault.cash += pool.collateral; // BKS-7: a deficit is the vault's
      pool.collateral = 0n;
    }
    return true;
  }

  /** LIQ-9, step 2. */
  watchWorkingOrders(pool) {
    if (!hasWorkingOrder(pool)) return false;
    if (!this.config.stopWhenRestored || !this.isRestored(this.measuresOf(pool))) return true;
    for (const position of pool.positions) {
      if (position.order === null) continue;
      position.order = null; // FIL-3
      position.attempted = false; // LIQ-12: a cancelled order is not an attempt
    }
    return false;
  }

  /** LIQ-10, step 3. */
  leaveRestoredPool(pool) {
    if (this.needsLiquidation(pool)) return false;
    pool.inLiquidation = false;
    for (const position of pool.positions) {
      position.failed = false; // BKS-2: leaving liquidation clears the failures
      this.trigger("assess", position); // T3, T4
    }
    return true;
  }

  /** LIQ-11, step 4. */
  offerToMarket(pool) {
    pool.inLiquidation = true;
    const open = openPositions(pool);
    for (const position of open) {
      if (position.state === "healthy" || position.state === "cooldown") this.trigger("assess", position); // T1, T2
    }
    if (!this.config.marketAttempt) return false; // LIQ-16
    const waiting = open.filter((position) => position.state === "liquidatable" && !position.attempted); // LIQ-12
    const chosen = this.config.orderPolicy === "all" ? waiting : waiting.filter((position) => position === largestOf(waiting));
    const belowBackstop = this.isBelowBackstop(this.measuresOf(pool));
    for (const position of chosen) {
      position.limit = this.orderLimit(position);
      position.order = this.orderSize(position, belowBackstop);
      position.attempted = true;
    }
    return chosen.length > 0;
  }

  /** LIQ-13, step 5. */
  backstopOrWait(pool) { if (this.isBelowBackstop(this.measuresOf(pool)) && this.bookFailed(pool)) this.takeByVault(pool); }

  // ------------------------------------------------------------------------------------------------ how much

  /** PRT-1, PRT-2: the whole position, or a chunk of it. An order only ever reduces (LIQ-14). */
  orderSize(position, belowBackstop) {
    const { partialThreshold } = this.config;
    const isChunk = partialThreshold !== null && notionalOf(position) > partialThreshold && !belowBackstop && !this.fullSizeForced(position);
    return isChunk ? this.withLeastSizes(position, this.chunk(position)) : absolute(position.size);
  }

  /** PRT-3, PRT-4 */
  chunk(position) {
    const { partial, partialFraction } = this.config;
    const whole = absolute(position.size);
    if (partial.method === "restore") return this.restoringChunk(position);
    if (partial.method === "tier_down") return this.chunkDownTiers(position);
    if (partial.method === "lots") return minimum(partial.lots, whole);
    return divideUp(partialFraction.numerator * whole, partialFraction.denominator);
  }

  /** PRT-4: what restores the pool, found by halving. */
  restoringChunk(position) {
    let [low, high] = [0n, absolute(position.size)];
    while (high - low > 1n) {
      const middle = (low + high) / 2n;
      if (this.isEnough(position, middle)) high = middle;
      else low = middle;
    }
    return high;
  }

  /** PRT-4: whether the pool would be restored after closing some lots, not all, at the mark. */
  isEnough(position, lots) {
    const { pool, market } = position;
    const { size, cost, realised } = closing(position, lots, market.mark);
    const holdings = openPositions(pool).map((holding) => (holding === position ? { ...position, size, cost } : holding));
    const filled = measure(pool.collateral + realised, holdings);
    return this.isRestored({ ...filled, equity: filled.equity - this.feeOf(lots * market.mark * market.unit, filled.equity) });
  }

  /** PRT-4: at the mark, also where margins are asked of the cost. */
  chunkDownTiers(position) {
    const { market } = position;
    const present = market.tiers.indexOf(tierOf(market, notionalOf(position)));
    const steps = this.config.partial.steps;
    if (steps > present) return absolute(position.size);
    return absolute(position.size) - market.tiers[present - Number(steps) + 1].above / (market.mark * market.unit);
  }

  /** PRT-5 */
  withLeastSizes(position, chunk) {
    const { leastOrder, leastRest } = this.config;
    const whole = absolute(position.size);
    const worthOfLot = position.market.mark * position.market.unit;
    const enlarged = minimum(maximum(chunk, divideUp(leastOrder, worthOfLot)), whole);
    return (whole - enlarged) * worthOfLot < leastRest ? whole : enlarged;
  }

  /** LIQ-17: the limit of an order, rounded in favour of the pool, or null. */
  orderLimit(position) {
    const { orderPrice } = this.config;
    if (orderPrice === "market") return null;
    const { market, size } = position;
    const { numerator, denominator } = orderPrice === "bankruptcy" ? this.distanceToBankruptcy(position) : shareOf(market.mark, orderPrice);
    const distance = divideDown(numerator, denominator);
    return maximum(size > 0n ? market.mark - distance : market.mark + distance, 1n);
  }

  /** LIQ-17: from the mark, in ticks: the position's share of the equity, for each tick that its size is worth. */
  distanceToBankruptcy(position) {
    const { equity, maintenance } = this.measuresOf(position.pool);
    const [share, all] = maintenance === 0n ? [1n, 1n] : [maintenanceMarginOf(position), maintenance];
    return { numerator: equity * share, denominator: all * absolute(position.size) * position.market.unit };
  }

  // ------------------------------------------------------------------------------------------------ cooldown

  /** The window of the venue's scope. */
  scopeWindow(position) {
    if (this.config.cooldownScope === "position") return position.window;
    return this.config.cooldownScope === "pool" ? position.pool.window : position.pool.account.window;
  }

  /** CLD-2: at its end it is closed. */
  isOpenWindow(window) { return this.time < window.end; }

  /** CLD-1, CLD-4: a window only gets longer. */
  openWindows(position) {
    if (this.config.cooldown === 0n) return;
    for (const window of [position.window, this.scopeWindow(position)]) {
      window.end = maximum(window.end, this.time + this.config.cooldown);
    }
  }

  /** CLD-3: by its end as it was when the present block began. */
  fullSizeForced(position) { return this.time < this.scopeWindow(position).endWhenBlockBegan; }

  // ------------------------------------------------------------------------------------------------ backstop

  /** BKS-3: the vault takes the whole pool at its cost basis; BKS-4: and gives back a part of the equity. */
  takeByVault(pool) {
    const { numerator, denominator } = this.config.returnFraction;
    const returned = divideDown(maximum(this.measuresOf(pool).equity, 0n) * numerator, denominator);
    const taken = openPositions(pool);
    for (const position of taken) this.trigger("assess", position); // T5, before any of them is emptied
    for (const position of taken) {
      this.vault.cash -= position.cost;
      this.vault.sizes.set(position.market, this.vault.sizes.get(position.market) + position.size);
      Object.assign(position, { size: 0n, cost: 0n, order: null });
    }
    this.vault.cash += pool.collateral - returned;
    pool.collateral = returned;
    pool.inLiquidation = false;
  }

  /** BKS-8 */
  vaultEquity() {
    let equity = this.vault.cash;
    for (const [market, size] of this.vault.sizes) equity += size * market.mark * market.unit;
    return equity;
  }

  // ------------------------------------------------------------------------------------------------ accounts
  // Each event's method checks, then changes, and gives the pools that it touched (LIQ-6). Nothing is changed
  // before the last check (EVT-3).

  /** The pool of a trade or a transfer, which may not exist yet. */
  poolOrNew(account, market, mode) {
    if (mode === "cross") return account.cross;
    return account.isolated.get(market) ?? newPool(account, market);
  }

  /** ACC-3: an isolated pool exists from its first accepted use on. */
  keepPool(pool) {
    if (pool.market === null || pool.account.isolated.has(pool.market)) return;
    pool.account.isolated.set(pool.market, pool);
    this.pools.push(pool);
    this.pools.sort(comparePools);
  }

  positionOrNew(pool, market) { return pool.positions.find((position) => position.market === market) ?? newPosition(pool, market); }

  keepPosition(position) {
    if (position.pool.positions.includes(position)) return;
    position.pool.positions.push(position);
    position.pool.positions.sort(comparePositions);
    this.positions.push(position);
    this.positions.sort(comparePositions);
  }

  /** ACC-4 */
  deposit({ account, amount }) {
    account.cross.collateral += amount;
    return [account.cross];
  }

  /** ACC-5: money leaves a pool only from above its initial margin. */
  checkPayment(pool, amount) {
    refuseIf(hasWorkingOrder(pool), "order_working", () => `amount: a liquidation order of ${pool.key} is working`);
    refuseIf(pool.inLiquidation, "in_liquidation", () => `amount: ${pool.key} is in liquidation`);
    const { equity, initial } = this.measuresOf(pool);
    refuseIf(equity - amount < initial, "insufficient_margin", () => this.marginMessage("amount", amount, equity - amount, initial));
    this.checkKept(pool, amount, equity - amount);
  }

  /** ACC-14, ACC-15: what a venue keeps beyond the initial margin. */
  checkKept(pool, amount, left) {
    const { withdrawFloor: floor, withdrawFrom } = this.config;
    const notional = openPositions(pool).reduce((sum, position) => sum + notionalOf(position), 0n);
    const isBelowFloor = floor !== null && left * floor.denominator < notional * floor.numerator;
    refuseIf(isBelowFloor, "insufficient_margin", () => {
      const needed = `${floor.numerator}/${floor.denominator} of the notional of ${this.quote.write(notional)}`;
      return `amount ${this.quote.write(amount)}: equity would be ${this.quote.write(left)}, below ${needed}`;
    });
    const isOverdrawn = withdrawFrom === "collateral" && amount > pool.collateral;
    refuseIf(isOverdrawn, "insufficient_margin", () => {
      return `amount ${this.quote.write(amount)} is more than the collateral of ${this.quote.write(pool.collateral)}`;
    });
  }

  marginMessage(field, amount, equity, limit) {
    const [value, left, needed] = [amount, equity, limit].map((units) => this.quote.write(units));
    return `${field} ${value}: equity would be ${left}, below the initial margin of ${needed}`;
  }

  withdraw({ account, amount }) {
    this.checkPayment(account.cross, amount);
    account.cross.collateral -= amount;
    return [account.cross];
  }

  /** ACC-6: above 0 from cross to isolated, below 0 back. */
  transfer({ account, market, amount }) {
    const isolated = this.poolOrNew(account, market, "isolated");
    const isKept = market.removal === "never" && amount < 0n && openPositions(isolated).length > 0;
    refuseIf(isKept, "removal_not_allowed", () => `amount: ${isolated.key} keeps its collateral while it has a position`); // ACC-18
    this.checkPayment(amount > 0n ? account.cross : isolated, absolute(amount));
    this.keepPool(isolated);
    account.cross.collateral -= amount;
    isolated.collateral += amount;
    return [account.cross, isolated];
  }

  /** ACC-12: money that the trader did not decide on, asked for no margin. */
  adjust({ account, mode, market, amount }) {
    const pool = mode === "cross" ? account.cross : account.isolated.get(market);
    refuseIf(pool === undefined, "not_open", () => `market: ${account.name}/${market.name}/isolated was never used`);
    pool.collateral += amount;
    return [pool];
  }

  /** ACC-13 */
  setLeverage({ account, market, mode, leverage }) {
    const pool = this.poolOrNew(account, market, mode);
    const position = this.positionOrNew(pool, market);
    refuseIf(position.size === 0n, "not_open", () => `${position.key} is not open`);
    refuseIf(hasWorkingOrder(pool), "order_working", () => `a liquidation order of ${pool.key} is working`);
    refuseIf(pool.inLiquidation, "in_liquidation", () => `${pool.key} is in liquidation`);
    this.checkLeverage(market, leverage);
    const holdings = openPositions(pool).map((holding) => (holding === position ? { ...position, leverage } : holding));
    const { equity, initial } = measure(pool.collateral, holdings);
    refuseIf(leverage < position.leverage && equity < initial, "insufficient_margin", () => {
      return `leverage ${leverage}: equity is ${this.quote.write(equity)}, below the initial margin of ${this.quote.write(initial)}`;
    });
    position.leverage = leverage;
    return [pool];
  }

  checkLeverage(market, leverage) {
    const largest = market.tiers[0].maximumLeverage;
    refuseIf(leverage < 1n || leverage > largest, "bad_leverage", `leverage ${leverage} is not from 1 to ${largest}`);
  }

  /** EVT-11 */
  checkNotSettled(market) { refuseIf(market.isSettled, "market_settled", () => `market ${market.name} is settled`); }

  /** ACC-7 */
  trade({ account, market, mode, size, price, leverage }) {
    this.checkNotSettled(market);
    refuseIf(!market.modes.includes(mode), "mode_not_allowed", () => `market ${market.name} is not traded in mode ${mode}`); // ACC-17
    const pool = this.poolOrNew(account, market, mode);
    const position = this.positionOrNew(pool, market);
    refuseIf(position.state === "backstopped", "not_open", () => `${position.key} is backstopped until the next block`);
    refuseIf(hasWorkingOrder(pool), "order_working", () => `a liquidation order of ${pool.key} is working`);
    const increases = position.size === 0n || position.size > 0n === size > 0n;
    const crosses = !increases && absolute(size) > absolute(position.size);
    refuseIf(crosses && this.config.crossing === "refuse", "crosses_zero", () => {
      return `size ${market.lot.write(size)} is more than the position's ${market.lot.write(position.size)}`;
    });
    return increases || crosses ? this.increase(position, size, price, leverage) : this.reduce(position, size, price, leverage);
  }

  /** ACC-8: to open or increase, equity must cover the initial margin afterwards; ACC-16: so too to turn a position round. */
  increase(position, size, price, leverage) {
    const { pool, market } = position;
    const isPartial = openPositions(pool).some((sibling) => sibling.state === "partially_liquidated");
    refuseIf(pool.inLiquidation || isPartial, "in_liquidation", () => `${pool.key} is in liquidation, or partially liquidated`);
    const crosses = position.size !== 0n && position.size > 0n !== size > 0n;
    const kept = crosses ? closing(position, absolute(position.size), price) : { ...position, realised: 0n };
    const isOpening = kept.size === 0n;
    refuseIf(isOpening && leverage === undefined, "bad_leverage", "leverage is missing, and an opening trade needs one");
    if (leverage !== undefined) this.checkLeverage(market, leverage);
    const worth = (position.size - kept.size + size) * price * market.unit; // of what is added to what is kept
    const after = { market, size: position.size + size, cost: kept.cost + worth, leverage: leverage ?? position.leverage };
    const siblings = openPositions(pool).filter((sibling) => sibling !== position);
    const { equity, initial } = measure(pool.collateral + kept.realised, [...siblings, after]);
    refuseIf(equity < initial, "insufficient_margin", () => this.marginMessage("size × price", worth, equity, initial));
    this.keepPool(pool);
    this.keepPosition(position);
    pool.collateral += kept.realised;
    if (crosses) {
      Object.assign(position, { size: 0n, cost: 0n });
      this.trigger("reduce", position); // T12
    }
    if (isOpening) {
      this.trigger("open", position); // T0
      Object.assign(position, newLife(), { life: position.life + 1n }); // LIF-2
    }
    Object.assign(position, after);
    return [pool];
  }

  /** ACC-9: a reduction is accepted if it does not make the pool worse; ACC-11: it keeps the leverage. */
  reduce(position, size, price, leverage) {
    const { pool, market } = position;
    refuseIf(leverage !== undefined, "bad_leverage", () => `leverage ${leverage} is given, and a reduction keeps the leverage`);
    const closed = closing(position, absolute(size), price);
    const collateral = pool.collateral + closed.realised;
    const holdings = openPositions(pool).filter((sibling) => sibling !== position);
    if (closed.size !== 0n) holdings.push({ ...position, size: closed.size, cost: closed.cost });
    const before = this.measuresOf(pool);
    const after = measure(collateral, holdings);
    const isAcceptable =
      (holdings.length === 0 && after.equity >= minimum(0n, before.equity)) ||
      !this.isBreached(after) ||
      (this.isBreached(before) && before.equity >= 0n && after.equity * before.maintenance >= before.equity * after.maintenance) ||
      (before.equity < 0n && after.equity >= before.equity);
    refuseIf(!isAcceptable, "insufficient_margin", () => {
      const [left, needed] = [after.equity, after.maintenance].map((units) => this.quote.write(units));
      return `price ${market.tick.write(price)}: equity would be ${left}, below the maintenance margin of ${needed} and worse than before`;
    });
    pool.collateral = collateral;
    Object.assign(position, { size: closed.size, cost: closed.cost });
    this.trigger("reduce", position); // T12
    return [pool];
  }

  // ------------------------------------------------------------------------------------------------ fills

  workingPosition(account, market, mode) {
    const pool = this.poolOrNew(account, market, mode);
    const position = this.positionOrNew(pool, market);
    refuseIf(position.order === null, "no_working_order", () => `no liquidation order of ${position.key} is working`);
    return position;
  }

  /** FIL-1, at any price above 0 (FIL-5). */
  fill({ account, market, mode, size, price }) {
    const position = this.workingPosition(account, market, mode);
    const { pool } = position;
    refuseIf(size > position.order, "overfill", () => `size ${market.lot.write(size)} is above the ${market.lot.write(position.order)} left of the order`);
    const isWorse = position.limit !== null && (position.size > 0n ? price < position.limit : price > position.limit); // LIQ-17
    refuseIf(isWorse, "worse_than_limit", () => `price ${market.tick.write(price)} is worse than the limit of ${market.tick.write(position.limit)}`);
    const closed = closing(position, size, price);
    pool.collateral += closed.realised;
    const left = position.order - size;
    Object.assign(position, { size: closed.size, cost: closed.cost, order: left === 0n ? null : left }); // FIL-3
    this.trigger("fill", position); // T6, T7
    this.chargeFee(pool, size * price * market.unit);
    if (position.size !== 0n) this.openWindows(position); // CLD-1
    return [pool];
  }

  /** FIL-2: rounded up, but at most the equity that is left. */
  feeOf(worth, equity) {
    const { numerator, denominator } = this.config.feeRate;
    return minimum(divideUp(worth * numerator, denominator), maximum(equity, 0n));
  }

  chargeFee(pool, worth) {
    const fee = this.feeOf(worth, this.measuresOf(pool).equity);
    pool.collateral -= fee;
    this.vault.cash += fee;
  }

  /** FIL-6: a failed attempt. */
  orderDone({ account, market, mode }) {
    const position = this.workingPosition(account, market, mode);
    position.order = null;
    position.failed = true;
    return [position.pool];
  }

  // ------------------------------------------------------------------------------------------------ events

  poolsWithOpen(markets) {
    return this.pools.filter((pool) => pool.positions.some((position) => position.size !== 0n && markets.has(position.market)));
  }

  /** EVT-5: all marks first, then each pool once. */
  setMarks({ prices }) {
    for (const [market, price] of prices) market.mark = price;
    return this.poolsWithOpen(prices);
  }

  /** MRK-1 */
  priceInputs({ market, ...inputs }) {
    refuseIf(this.formers === null, "not_formed", "the configuration has no table mark");
    return this.setMarks({ prices: new Map([[market, this.formers.get(market).form(inputs, this.time, market.mark)]]) });
  }

  /** EVT-6: paid up, received down; the size in units of the market. */
  funding({ market, payment }) {
    const paid = (size) => divideUp(size * market.lot.digits * payment, market.lot.scale);
    for (const position of this.positions) { if (position.market === market) position.pool.collateral -= paid(position.size); }
    this.vault.cash -= paid(this.vault.sizes.get(market));
    return this.poolsWithOpen(new Set([market]));
  }

  /** EVT-7 */
  vaultTrade({ market, size, price }) {
    this.checkNotSettled(market);
    this.vault.sizes.set(market, this.vault.sizes.get(market) + size);
    this.vault.cash -= size * price * market.unit;
    return [];
  }

  /** EVT-8 */
  vaultCash({ amount }) {
    this.vault.cash += amount;
    return [];
  }

  /** EVT-11: every position of the market is closed whole at one price, without fee, and the vault's too. */
  settle({ market, price }) {
    this.checkNotSettled(market);
    const pools = this.poolsWithOpen(new Set([market]));
    Object.assign(market, { mark: price, isSettled: true });
    for (const pool of pools) {
      const position = this.positionOrNew(pool, market);
      pool.collateral += closing(position, absolute(position.size), price).realised;
      Object.assign(position, { size: 0n, cost: 0n, order: null });
      this.trigger("reduce", position); // T12
    }
    this.vault.cash += this.vault.sizes.get(market) * price * market.unit;
    this.vault.sizes.set(market, 0n);
    return pools;
  }

  /** EVT-9 */
  beginBlock({ time }) {
    refuseIf(time <= this.time, "time_not_after", () => `time ${time} is not after ${this.time}`);
    const working = this.positions.find((position) => position.order !== null);
    refuseIf(working !== undefined, "order_working", () => `a liquidation order of ${working.key} is working`);
    this.time = time;
    this.block += 1n;
    for (const holder of [...this.accounts.values(), ...this.pools, ...this.positions]) {
      holder.window.endWhenBlockBegan = holder.window.end; // CLD-3
    }
    for (const position of this.positions) Object.assign(position, { attempted: false, failed: false }); // LIQ-12, BKS-2
    for (const position of this.positions) this.trigger("block", position); // T8 to T11
    return this.pools;
  }

  /** EVT-1: checked, changed, assessed: one step. */
  apply(event) {
    const { method, fields } = checkEvent(this, event);
    this.effects = [];
    const touched = this[method](fields);
    this.assess(event.get("type") === "block" ? touched : touched.filter((pool) => !this.waitsForBlock(pool)));
  }

  /** LIQ-18: whether no event but a block assesses the pool. */
  waitsForBlock(pool) { return this.config.assessAt === "block" && !pool.inLiquidation && openPositions(pool).length > 0; }

  // ------------------------------------------------------------------------------------------------ observation

  /** OBS-1, OBS-2 */
  observation() {
    const held = [...this.vault.sizes].filter(([, size]) => size !== 0n);
    const marks = new Map([...this.markets.values()].map((market) => [market.name, market.tick.write(market.mark)]));
    return {
      time: this.time,
      block: this.block,
      ...(this.formers && { marks }), // MRK-8
      positions: this.positions.map((position) => this.observedPosition(position)),
      pools: this.pools.map((pool) => this.observedPool(pool)),
      vault: {
        cash: this.quote.write(this.vault.cash),
        equity: this.quote.write(this.vaultEquity()),
        positions: new Map(held.map(([market, size]) => [market.name, market.lot.write(size)])),
      },
    };
  }

  /** MRG-10: the tick, or null. A long is breached up to it, a short from it on; it is found by halving. */
  liquidationPrice(position) {
    const { pool, market, size } = position;
    const isLong = size > 0n;
    const others = measure(pool.collateral, openPositions(pool).filter((sibling) => sibling !== position));
    const isBefore = (mark) => {
      const moved = { ...position, market: { ...market, mark } };
      const equity = others.equity + unrealisedProfit(moved);
      return this.isBreached({ equity, maintenance: others.maintenance + maintenanceMarginOf(moved) }) === isLong;
    };
    const last = market.tiers[market.tiers.length - 1];
    const isEverBreached = isLong && market.margin.valuation === "mark" && last.maintenance.rate === last.maintenance.denominator;
    if (isEverBreached && isBefore(last.above / (absolute(size) * market.unit) + 1n)) return null; // in the last tier nothing changes any more
    let [low, high] = [0n, 1n];
    while (isBefore(high)) [low, high] = [high, 2n * high];
    while (high - low > 1n) {
      const middle = (low + high) / 2n;
      if (isBefore(middle)) low = middle;
      else high = middle;
    }
    if (isLong) return low === 0n ? null : low;
    return high;
  }

  /** MRG-11, OBS-5: as a decimal string, rounded to 18 decimals in favour of the pool. */
  bankruptcyPrice({ pool, market, size }) {
    const { equity } = this.measuresOf(pool);
    const worth = absolute(size) * market.unit; // of one tick
    const ticks = market.mark * worth - (size > 0n ? equity : -equity);
    const round = size > 0n ? divideUp : divideDown;
    return SHOWN.write(round(ticks * market.tick.digits * SHOWN.scale, worth * market.tick.scale));
  }

  /** OBS-5 */
  observedPrices(position) {
    if (position.size === 0n) return { liquidation_price: null, bankruptcy_price: null };
    const price = this.liquidationPrice(position);
    return {
      liquidation_price: price === null ? null : position.market.tick.write(price),
      bankruptcy_price: this.bankruptcyPrice(position),
    };
  }

  observedPosition(position) {
    const { pool, market, mode, state, size, cost, order, limit, life, window } = position;
    return {
      account: pool.account.name,
      market: market.name,
      mode,
      state,
      size: market.lot.write(size),
      cost: this.quote.write(cost),
      order: order === null ? null : market.lot.write(order),
      ...(this.config.orderPrice !== "market" && { limit: order === null ? null : market.tick.write(limit) }), // LIQ-17
      life,
      cooldown_until: size !== 0n && this.isOpenWindow(window) ? window.end : null,
      ...(this.showsPrices && this.observedPrices(position)),
    };
  }

  observedPool(pool) {
    const { equity, maintenance, initial } = this.measuresOf(pool);
    return {
      account: pool.account.name,
      mode: pool.market === null ? "cross" : "isolated",
      market: pool.market === null ? null : pool.market.name,
      collateral: this.quote.write(pool.collateral),
      equity: this.quote.write(equity),
      maintenance_margin: this.quote.write(maintenance),
      initial_margin: this.quote.write(initial),
      in_liquidation: pool.inLiquidation,
    };
  }
}

/** LIQ-11: the largest maintenance margin; of equal ones the first by market name. */
function largestOf(positions) {
  const larger = (best, position) => (maintenanceMarginOf(position) > maintenanceMarginOf(best) ? position : best);
  return positions.length === 0 ? undefined : positions.reduce(larger);
}

// ==================================================================================================== Checking events

const MONEY = (engine) => engine.quote;
const LOTS = (engine, market) => market.lot;
const TICKS = (engine, market) => market.tick;
const POSITIVE = { holds: (units) => units > 0n, limit: "is not above 0" };
const NOT_ZERO = { holds: (units) => units !== 0n, limit: "is 0" };
const ANY = { holds: () => true };

const QUOTES = ["index", "best_bid", "best_ask", "last"]; // MRK-1

/** EVT-1: each event's method, and its fields in the order in which they are checked. An amount is [grid, sign]. */
const EVENTS = new Map(Object.entries({
  deposit: ["deposit", { account: "name", amount: [MONEY, POSITIVE] }],
  withdraw: ["withdraw", { account: "name", amount: [MONEY, POSITIVE] }],
  transfer: ["transfer", { account: "name", market: "name", amount: [MONEY, NOT_ZERO] }],
  trade: ["trade", { account: "name", market: "name", mode: "mode", size: [LOTS, NOT_ZERO], price: [TICKS, POSITIVE], leverage: "integer" }],
  mark_price: ["setMarks", { market: "name", price: [TICKS, POSITIVE] }],
  marks: ["setMarks", { prices: "prices" }],
  fill: ["fill", { account: "name", market: "name", mode: "mode", size: [LOTS, POSITIVE], price: [TICKS, POSITIVE] }],
  order_done: ["orderDone", { account: "name", market: "name", mode: "mode" }],
  funding: ["funding", { market: "name", payment: [MONEY, ANY] }],
  vault_trade: ["vaultTrade", { market: "name", size: [LOTS, NOT_ZERO], price: [TICKS, POSITIVE] }],
  vault_cash: ["vaultCash", { amount: [MONEY, NOT_ZERO] }],
  adjust: ["adjust", { account: "name", mode: "mode", amount: [MONEY, NOT_ZERO], market: "name" }],
  leverage: ["setLeverage", { account: "name", market: "name", mode: "mode", leverage: "integer" }],
  settle: ["settle", { market: "name", price: [TICKS, POSITIVE] }],
  price_inputs: ["priceInputs", { market: "name", ...Object.fromEntries(QUOTES.map((name) => [name, [TICKS, POSITIVE]])), perps: "perps" }],
  block: ["beginBlock", { time: "integer" }],
}));

const OPTIONAL_FIELDS = { trade: ["leverage"], adjust: ["market"], price_inputs: [...QUOTES, "perps"] };

/** EVT-2: the checks that do not depend on the state of accounts, in their order. */
function checkEvent(engine, event) {
  badRequestIf(!(event instanceof Map), "event is not an object");
  const type = event.get("type");
  badRequestIf(!EVENTS.has(type), "event has no known type");
  const [method, kinds] = EVENTS.get(type);
  const names = Object.keys(kinds);
  const optional = OPTIONAL_FIELDS[type] ?? [];
  const required = names.filter((name) => !optional.includes(name));
  const given = readObject(event, type, ["type", ...required], optional);
  const fields = {};
  for (const name of names) if (name in given) fields[name] = readField(given[name], kinds[name], name);
  const isMisplaced = type === "adjust" && "market" in fields !== (fields.mode === "isolated");
  badRequestIf(isMisplaced, "market is required in mode isolated, and refused in mode cross"); // ACC-12
  if ("account" in fields) fields.account = knownAccount(engine, fields.account);
  if ("market" in fields) fields.market = knownMarket(engine, fields.market);
  if ("prices" in fields) fields.prices = knownPrices(engine, fields.prices);
  readUnits(amountsOf(engine, fields, kinds));
  if (type === "mark_price") fields.prices = new Map([[fields.market, fields.price]]);
  return { method, fields };
}

/** EVT-2.1: one field, well typed and well formed. */
function readField(value, kind, name) {
  if (kind === "integer") return readInteger(value, name);
  if (kind === "mode") return readChoice(value, name, ["cross", "isolated"]);
  if (kind === "prices") {
    badRequestIf(!(value instanceof Map) || value.size === 0, "prices is not an object with at least one price");
    return new Map([...value].map(([market, price]) => [market, readField(price, "decimal", `prices.${market}`)]));
  }
  if (kind === "perps") {
    badRequestIf(!Array.isArray(value) || value.length === 0, "perps is not a list with at least one entry");
    return value.map((item, index) => readPerp(item, `perps[${index}]`));
  }
  if (kind === "name") {
    badRequestIf(typeof value !== "string", `${name} is not a string`);
    return value;
  }
  const decimal = decimalOrNull(value);
  badRequestIf(decimal === null, `${name} is not a decimal string of at most ${MOST_DIGITS} digits`);
  return decimal;
}

/** MRK-1: a price on another venue, with its weight. */
function readPerp(value, name) {
  const entry = readObject(value, name, ["price", "weight"]);
  const weight = readInteger(entry.weight, `${name}.weight`);
  badRequestIf(weight === 0n, `${name}.weight is 0`);
  return { price: readField(entry.price, "decimal", `${name}.price`), weight };
}

/** EVT-2.2 */
function knownAccount(engine, name) {
  refuseIf(!engine.accounts.has(name), "unknown_account", () => `account ${JSON.stringify(name)} is unknown`);
  return engine.accounts.get(name);
}

/** EVT-2.3 */
function knownMarket(engine, name) {
  refuseIf(!engine.markets.has(name), "unknown_market", () => `market ${JSON.stringify(name)} is unknown`);
  return engine.markets.get(name);
}

function knownPrices(engine, prices) {
  const names = [...prices.keys()].sort(compareNames);
  return new Map(names.map((name) => [knownMarket(engine, name), prices.get(name)]));
}

/** The amounts of an event in the order of their checks, each with its grid, its sign and where its units go. */
function amountsOf(engine, fields, kinds) {
  if ("prices" in fields) {
    return [...fields.prices].map(([market, decimal]) => {
      return { name: `prices.${market.name}`, decimal, grid: market.tick, sign: POSITIVE, put: (units) => fields.prices.set(market, units) };
    });
  }
  const names = Object.keys(fields).filter((name) => Array.isArray(kinds[name]));
  const amounts = names.map((name) => {
    const [gridOf, sign] = kinds[name];
    return { name, decimal: fields[name], grid: gridOf(engine, fields.market), sign, put: (units) => (fields[name] = units) };
  });
  const perps = (fields.perps ?? []).map((entry, index) => {
    return { name: `perps[${index}]`, decimal: entry.price, grid: fields.market.tick, sign: POSITIVE, put: (units) => (entry.price = units) };
  });
  return [...amounts, ...perps];
}

/** EVT-2.4 over the whole event, then EVT-2.5. */
function readUnits(amounts) {
  for (const amount of amounts) {
    amount.units = amount.grid.unitsOrNull(amount.decimal);
    refuseIf(amount.units === null, "off_grid", () => `${amount.name} ${amount.decimal.text} is not a multiple of ${amount.grid.text}`);
  }
  for (const { name, decimal, sign, units, put } of amounts) {
    refuseIf(!sign.holds(units), "not_positive", () => `${name} ${decimal.text} ${sign.limit}`);
    put(units);
  }
}

// ==================================================================================================== Protocol

const OBSERVES = [
  "time", "block", "marks",
  ...["state", "size", "cost", "order", "limit", "life", "cooldown_until"].map((name) => `positions.${name}`),
  ...["collateral", "equity", "maintenance_margin", "initial_margin", "in_liquidation"].map((name) => `pools.${name}`),
  ...["cash", "equity", "positions"].map((name) => `vault.${name}`),
];

const PRICES = ["positions.liquidation_price", "positions.bankruptcy_price"]; // OBS-5

const FAMILIES = [
  "restore", "mark", "rounding", "valuation", "close_fee", "closeout", "withdraw", "crossing", "modes", "removal",
  "market_attempt", "assess_at", "order_price", "partial_method", "least_orders",
];

/** spec/protocol.md: requests to replies. */
class Session {
  constructor(EngineClass, showsPrices) {
    Object.assign(this, { EngineClass, showsPrices, engine: null, isOver: false });
  }

  /** The reply, as a line, to a line without its end. */
  reply(bytes) {
    try {
      return writeJson({ ok: true, ...this.answer(readJsonLine(bytes)) });
    } catch (problem) {
      if (!(problem instanceof Refusal)) throw problem;
      return writeJson({ ok: false, error: { code: problem.code, message: problem.message } });
    }
  }

  answer(request) {
    badRequestIf(!(request instanceof Map), "a request is an object");
    switch (request.get("op")) {
      case "hello": return this.hello(readObject(request, "hello", ["op", "protocol"]));
      case "reset": return this.reset(readObject(request, "reset", ["op", "config"]));
      case "apply": return this.apply(readObject(request, "apply", ["op", "event"]));
      case "bye": return this.bye(readObject(request, "bye", ["op"]));
      default: throw new Refusal("bad_request", "op is not one of hello, reset, apply, bye");
    }
  }

  hello({ protocol }) {
    badRequestIf(integerOrNull(protocol) !== PROTOCOL_VERSION, `protocol is not ${PROTOCOL_VERSION}`);
    const events = [...EVENTS.keys()];
    const observes = [...OBSERVES, ...(this.showsPrices ? PRICES : [])];
    const said = { protocol: PROTOCOL_VERSION, engine: ENGINE_NAME, rules: RULES_VERSION, observes, states: "full" };
    return { ...said, events, families: FAMILIES };
  }

  reset({ config }) {
    this.engine = new this.EngineClass(readConfiguration(config), this.showsPrices);
    return { observation: this.engine.observation() };
  }

  apply({ event }) {
    badRequestIf(this.engine === null, "apply before reset");
    this.engine.apply(event);
    return { observation: this.engine.observation(), effects: this.engine.effects };
  }

  bye() {
    this.isOver = true;
    return {};
  }
}

/** Lines from standard input, replies to standard output. */
function serve(EngineClass = Engine, input = process.stdin, output = process.stdout) {
  const session = new Session(EngineClass, process.argv.includes("--prices"));
  let pending = []; // pieces of a line whose end has not come yet; of one that is too long, as many as show that it is
  let length = 0;
  const keep = (piece) => {
    if (length <= LONGEST_LINE) pending.push(piece);
    length += piece.length;
  };
  const answerLine = () => {
    if (!session.isOver) output.write(`${session.reply(Buffer.concat(pending))}\n`);
    if (session.isOver) input.destroy();
    [pending, length] = [[], 0];
  };
  input.on("data", (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1 && !session.isOver; end = chunk.indexOf(10, start)) {
      keep(chunk.subarray(start, end));
      answerLine();
      start = end + 1;
    }
    keep(chunk.subarray(start));
  });
  input.on("end", () => { if (length > 0) answerLine(); }); // a last line without its end
  output.on("error", () => process.exit(0)); // the reader is gone
}

module.exports = { Engine, Session, serve };

if (require.main === module) serve();
