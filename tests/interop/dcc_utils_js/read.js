// Reads [{text, pem}] from standard input with `dcc-utils`; prints for each the verified EU payload or null.
const { DCC } = require("dcc-utils");

async function read({ text, pem }) {
  try {
    const certificate = await DCC.fromRaw(text);
    return (await certificate.checkSignatureWithCertificate(pem)) ? certificate.payload : null;
  } catch (fault) {
    return null;
  }
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const cases = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  console.log(JSON.stringify(await Promise.all(cases.map(read))));
}

main();
