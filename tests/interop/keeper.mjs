// Keeps what Kannel's smsbox calls a URL with, as lines of number, tab and text. Prints its port.
//   node keeper.mjs FILE
import { appendFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const file = process.argv[2];

// The octets behind a URL-encoded value; they are of any character set.
const octets = (encoded) => Buffer.from(unescape(encoded.replaceAll("+", " ")), "latin1");

const decoded = (octets, charset) =>
  charset === "UTF-16BE" ? octets.swap16().toString("utf16le") : octets.toString("utf8");

writeFileSync(file, "");
const server = createServer((request, response) => {
  const query = request.url.slice(request.url.indexOf("?") + 1).split("&");
  const { number, charset, text } = Object.fromEntries(query.map((pair) => pair.split("=")));
  appendFileSync(file, `${octets(number)}\t${decoded(octets(text), charset)}\n`);
  response.end();
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
