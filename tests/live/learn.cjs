// Trains in node as torch does in Python; prints how many test images are right after each epoch.
const fs = require("fs");
const [engine, asked] = process.argv.slice(2);
const { Twister, Learner, firstWeights, inked } = new Function(`${fs.readFileSync(engine, "utf8")}; return pruninglabEngine();`)();

const { train, trainLabels, test, testLabels, seed, epochs } = JSON.parse(fs.readFileSync(asked, "utf8"));
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const images = (text) => inked(bytes(text), 196, 1);
const twister = new Twister(seed);
const first = firstWeights(twister);
const learner = new Learner(first, first.map(({ weight }) => new Uint8Array(weight.length).fill(1)));
const [seen, unseen] = [images(train), images(test)];
const right = Array.from({ length: epochs }, () => {
  learner.epoch(seen, bytes(trainLabels), twister);
  return learner.right(unseen, bytes(testLabels));
});
process.stdout.write(JSON.stringify(right));
