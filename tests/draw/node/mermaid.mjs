// Reads Mermaid texts by name from standard input as JSON, parses each with the real package, and prints what is in it:
// the kind of diagram, and for a state diagram its states and the arrows between them.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("<body></body>");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");

const texts = JSON.parse(readFileSync(0, "utf8"));
const found = {};
for (const [name, text] of Object.entries(texts)) {
  try {
    await mermaid.parse(text);
    const diagram = await mermaid.mermaidAPI.getDiagramFromText(text);
    found[name] = { type: diagram.type };
    if (diagram.type === "stateDiagram") {
      found[name].states = [...diagram.db.getStates().entries()].map(([id, state]) => ({ id, type: state.type }));
      found[name].relations = diagram.db.getRelations().map((relation) => ({
        from: relation.id1,
        to: relation.id2,
        label: relation.relationTitle ?? "",
      }));
    }
  } catch (error) {
    found[name] = { error: String(error.message ?? error) };
  }
}
process.stdout.write(JSON.stringify(found));
