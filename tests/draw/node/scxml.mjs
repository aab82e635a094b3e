// Reads an SCXML document and runs from standard input as JSON, loads the document with a real SCXML interpreter, feeds
// each run's triggers with the values of the guards as event data, and prints the state after each, and what the schema
// next to this file says.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { validateXML } from "xmllint-wasm";

const scxml = createRequire(import.meta.url)("@scion-scxml/scxml");
const { document, runs, only_schema } = JSON.parse(readFileSync(0, "utf8"));
const schema = readFileSync(new URL("scxml-subset.xsd", import.meta.url), "utf8");

const checked = await validateXML({ xml: [{ fileName: "machine.scxml", contents: document }], schema: [schema] });

const errors = checked.errors.map((error) => error.message);
if (only_schema) {
  process.stdout.write(JSON.stringify({ errors }));
  process.exit();
}

const done = (resolve, reject) => (error, value) => (error ? reject(error) : resolve(value));
const model = await new Promise((resolve, reject) =>
  scxml.documentStringToModel("machine.scxml", document, done(resolve, reject)),
);
const prepared = await new Promise((resolve, reject) => model.prepare(done(resolve, reject)));

const walked = runs.map((run) => {
  const chart = new scxml.core.Statechart(prepared);
  chart.start();
  return [
    chart.getConfiguration()[0],
    ...run.map((step) => {
      chart.gen({ name: step.trigger, data: step.guards });
      return chart.getConfiguration()[0];
    }),
  ];
});
process.stdout.write(JSON.stringify({ errors, walked }));
