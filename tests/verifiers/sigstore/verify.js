// Verifies a DSSE envelope with @sigstore/verify: node verify.js ENVELOPE PUBLIC_KEY_IN_HEX
const { readFileSync } = require("fs");
const { createPublicKey } = require("crypto");
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const [envelope, hex] = process.argv.slice(2);
const SPKI = "302a300506032b6570032100"; // what stands before the 32 bytes of an Ed25519 key in DER
const key = createPublicKey({ key: Buffer.from(SPKI + hex, "hex"), format: "der", type: "spki" });
const bundle = bundleFromJSON({
  mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
  verificationMaterial: { publicKey: { hint: "ours" }, tlogEntries: [] },
  dsseEnvelope: JSON.parse(readFileSync(envelope)),
});
const nobody = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const trust = toTrustMaterial(nobody, () => ({ publicKey: key, validFor: () => true }));
const none = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };
new Verifier(trust, none).verify(toSignedEntity(bundle));
console.log("verified");
