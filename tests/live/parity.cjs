// Cuts and reads in node what Python has written; prints masks and predictions as JSON.
const fs = require("fs");
const [engine, asked] = process.argv.slice(2);
const { Network, unpacked } = new Function(`${fs.readFileSync(engine, "utf8")}; return pruninglabEngine();`)();

const { about, buffers, states } = JSON.parse(fs.readFileSync(asked, "utf8"));
const bytes = buffers.map((text) => new Uint8Array(Buffer.from(text, "base64")));
const net = new Network(unpacked(about, bytes));
const pack = (part) => Buffer.from(part).toString("base64");
const told = states.map(({ cuts }) => {
  const alive = cuts.reduce((living, cut) => net.survivors(cut, living), net.all);
  const said = net.read(net.compressed(alive));
  return { alive: pack(alive), living: net.count(alive), said: pack(said), right: net.right(said) };
});
process.stdout.write(JSON.stringify(told));
