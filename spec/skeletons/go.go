// A skeleton of a liquidation engine that speaks the protocol of spec/protocol.md: go build -o engine engine.go
// It starts every run and skips every event. Continue in apply, one event type after the other.
package main

import (
	"bufio"
	"encoding/json"
	"os"
)

type object = map[string]any

var hello = object{
	"ok": true, "protocol": 1, "engine": "my-engine 0.1", "states": "full",
	// What reset and apply report; only this is compared. Add names as you continue (OBS-1 in spec/rules/09-data.md).
	"observes": []string{"time", "block", "pools.collateral"},
	"events": []string{"deposit", "withdraw", "transfer", "trade", "mark_price", "marks", "fill", "order_done", "funding",
		"vault_trade", "vault_cash", "block"},
}

// One run. Amounts are decimal strings: compute in integers of their unit, never in floats (spec/rules/01-amounts.md).
type run struct {
	time, block int64
	accounts    []string
	collateral  map[string]string
}

func refused(code, message string) object {
	return object{"ok": false, "error": object{"code": code, "message": message}}
}

// Start a run. spec/rules/09-data.md has the configuration (CFG-1); refuse what is not valid as bad_request.
func reset(data json.RawMessage) *run {
	var config struct {
		Time     int64
		Accounts []string
	}
	if json.Unmarshal(data, &config) != nil || config.Accounts == nil {
		return nil
	}
	begun := &run{time: config.Time, accounts: config.Accounts, collateral: map[string]string{}}
	for _, account := range config.Accounts {
		begun.collateral[account] = "0"
	}
	return begun
}

// Process an event (spec/rules/08-events.md); 07-accounts.md has deposits and trades, 03 to 06 the rest.
// Begin with deposit (ACC-4) and block (EVT-9). First its checks in their order, of which the first that fails is the
// answer: return refused("not_positive", "amount: 0, must be above 0"); the table in spec/protocol.md has them. Then its
// change: return r.accepted().
func (r *run) apply(event object) object {
	switch event["type"] {
	// case "deposit":
	default:
		return object{"ok": false, "skipped": "not implemented"}
	}
}

// The reply with what hello says that it observes; account, market and mode are always reported (OBS-1, OBS-2).
func (r *run) accepted() object {
	pools := []object{}
	for _, account := range r.accounts {
		pools = append(pools, object{"account": account, "mode": "cross", "market": nil, "collateral": r.collateral[account]})
	}
	observed := object{"time": r.time, "block": r.block, "positions": []object{}, "pools": pools}
	return object{"ok": true, "observation": observed}
}

// The reply to a line, and whether it was the last; spec/protocol.md lists what else is a bad_request.
func answer(line []byte, present **run) (object, bool) {
	var request map[string]json.RawMessage
	var op string
	if json.Unmarshal(line, &request) == nil && json.Unmarshal(request["op"], &op) == nil {
		var event object
		switch {
		case op == "hello" && len(request) == 2 && string(request["protocol"]) == "1":
			return hello, false
		case op == "reset" && len(request) == 2:
			if begun := reset(request["config"]); begun != nil {
				*present = begun
				return begun.accepted(), false
			}
		case op == "apply" && len(request) == 2 && *present != nil:
			if json.Unmarshal(request["event"], &event) == nil && event != nil {
				return (*present).apply(event), false
			}
		case op == "bye" && len(request) == 1:
			return object{"ok": true}, true
		}
	}
	return refused("bad_request", "not a request of spec/protocol.md, or apply before reset"), false
}

// Answer each line with one line, written at once; end after bye, or when the input ends.
func main() {
	input, output := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	var present *run
	for {
		line, err := input.ReadBytes('\n')
		if err != nil && len(line) == 0 {
			return
		}
		reply, last := answer(line, &present)
		if output.Encode(reply) != nil || last {
			return
		}
	}
}
