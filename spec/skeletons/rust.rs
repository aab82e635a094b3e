//! A skeleton of a liquidation engine that speaks the protocol of spec/protocol.md: rustc -O -o engine engine.rs
//! It starts every run and skips every event. Continue in `apply`, one event type after the other.
//! It reads JSON with `parts` and `field`, which do not see all that is malformed: a library such as serde_json does.

use std::io::{self, BufRead, Write};

// What `observes` names is reported, and only this is compared: add names as you continue (spec/rules/09-data.md, OBS-1).
const HELLO: &str = r#"{"ok":true,"protocol":1,"engine":"my-engine 0.1","states":"full",
"observes":["time","block","pools.collateral"],
"events":["deposit","withdraw","transfer","trade","mark_price","marks","fill","order_done","funding",
"vault_trade","vault_cash","block"]}"#;

/// One run. Amounts are decimal strings: compute in integers of their unit, never in floats (spec/rules/01-amounts.md).
struct Run {
    time: i64,
    block: i64,
    collateral: Vec<(String, i128)>, // of each account, whose name is kept as the JSON string that it was
}

impl Run {
    /// Start a run. spec/rules/09-data.md has the configuration (CFG-1); refuse what is not valid as bad_request.
    fn new(config: &str) -> Option<Run> {
        let time = field(config, "time").unwrap_or("0").parse().ok()?;
        let accounts = parts(field(config, "accounts")?);
        let collateral = accounts.iter().map(|account| (account.to_string(), 0)).collect();
        Some(Run { time, block: 0, collateral })
    }

    /// Process an event (spec/rules/08-events.md); 07-accounts.md has deposits and trades, 03 to 06 the rest.
    /// Begin with `deposit` (ACC-4) and `block` (EVT-9). First its checks in their order, of which the first that fails
    /// is the answer: `refused("not_positive", "amount: 0, must be above 0")`; the table in spec/protocol.md has them.
    /// Then its change, and `self.accepted()`.
    fn apply(&mut self, event: &str) -> String {
        match field(event, "type") {
            // Some(r#""deposit""#) => self.deposit(event),
            _ => r#"{"ok":false,"skipped":"not implemented"}"#.to_string(),
        }
    }

    /// The reply with what HELLO says that it observes; account, market and mode are always reported (OBS-1, OBS-2).
    fn accepted(&self) -> String {
        let pools = self.collateral.iter().map(|(account, money)| {
            format!(r#"{{"account":{account},"mode":"cross","market":null,"collateral":"{money}"}}"#)
        });
        let (time, block, pools) = (self.time, self.block, pools.collect::<Vec<_>>().join(","));
        format!(r#"{{"ok":true,"observation":{{"time":{time},"block":{block},"positions":[],"pools":[{pools}]}}}}"#)
    }
}

fn refused(code: &str, message: &str) -> String {
    format!(r#"{{"ok":false,"error":{{"code":"{code}","message":"{message}"}}}}"#)
}

/// The reply to a line, and whether it was the last; spec/protocol.md lists what else is a bad_request.
fn answer(line: &str, run: &mut Option<Run>) -> (String, bool) {
    let request = line.trim();
    let whole = request.starts_with('{') && request.ends_with('}');
    let op = if whole { field(request, "op") } else { None };
    let (count, config, event) = (parts(request).len(), field(request, "config"), field(request, "event"));
    match (op, run.as_mut(), count) {
        (Some(r#""hello""#), _, 2) if field(request, "protocol") == Some("1") => return (HELLO.replace('\n', ""), false),
        (Some(r#""reset""#), _, 2) => {
            if let Some(begun) = config.and_then(Run::new) {
                return (run.insert(begun).accepted(), false);
            }
        }
        (Some(r#""apply""#), Some(run), 2) if event.is_some_and(|event| event.starts_with('{')) => {
            return (run.apply(event.unwrap_or("")), false)
        }
        (Some(r#""bye""#), _, 1) => return (r#"{"ok":true}"#.to_string(), true),
        _ => {}
    }
    (refused("bad_request", "not a request of spec/protocol.md, or apply before reset"), false)
}

/// The entries of an object or a list, as they are written.
fn parts(text: &str) -> Vec<&str> {
    let inside = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
    let (mut found, mut start, mut depth, mut quoted, mut escaped) = (vec![], 0, 0, false, false);
    for (index, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                found.push(inside[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    found.push(inside[start..].trim());
    found.retain(|part| !part.is_empty());
    found
}

/// The value of a field of an object, as it is written: a string with its quotes.
fn field<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let key = format!("\"{name}\"");
    let value = |part: &'a str| Some(part.strip_prefix(&key)?.trim_start().strip_prefix(':')?.trim_start());
    parts(object).into_iter().find_map(value)
}

/// Answer each line with one line, written at once; end after `bye`, or when the input ends.
fn main() -> io::Result<()> {
    let mut run = None;
    for line in io::stdin().lock().split(b'\n') {
        let line = line?;
        let (reply, last) = answer(std::str::from_utf8(&line).unwrap_or(""), &mut run);
        let mut output = io::stdout().lock();
        writeln!(output, "{reply}")?;
        output.flush()?;
        if last {
            break;
        }
    }
    Ok(())
}
