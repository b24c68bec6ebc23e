// Makes a person's signing key in this browser, and signs decisions with it.
//
// The private key is made by WebCrypto as not extractable and kept in this browser's IndexedDB:
// no script can read it, and it never reaches the appliance. What is signed is the DSSE
// pre-authentication encoding of an in-toto statement: see docs/formats/approval.md.
"use strict";

const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const utf8 = new TextEncoder();

const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}

function keys(mode, use) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("countersign", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys", { keyPath: "keyid" });
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const asked = use(opening.result.transaction("keys", mode).objectStore("keys"));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    };
  });
}

async function makeKey() {
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const keyid = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", raw)));
  return { keyid, privateKey: pair.privateKey, raw };
}

async function envelope(payload, key) {
  const head = utf8.encode(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `);
  const sig = await crypto.subtle.sign("Ed25519", key.privateKey, joined(head, payload));
  const signature = { keyid: key.keyid, sig: base64(new Uint8Array(sig)) };
  return { payload: base64(payload), payloadType: PAYLOAD_TYPE, signatures: [signature] };
}

function conditionsIn(form) {
  const rows = [...form.querySelectorAll("[data-condition]")];
  return rows.filter((row) => row.querySelector("[name=figure]").value).map((row) => {
    const [kind, ...figure] = row.querySelector("[name=figure]").value.split(":");
    const bound = row.querySelector("[name=bound]").value;
    const value = row.querySelector("[name=value]").valueAsNumber;
    if (!Number.isFinite(value)) throw new Error("Give each condition a number.");
    return { kind, figure: figure.join(":"), [bound]: value };
  });
}

function decisionIn(form, told) {
  const act = form.querySelector("[name=act]:checked, [name=act][type=hidden]").value;
  const said = { at: new Date().toISOString(), reason: form.querySelector("[name=reason]").value.trim() };
  if (act === "approve") {
    said.checklist = [...form.querySelectorAll("[name=checklist]:checked")].map((box) => box.value);
    said.conditions = conditionsIn(form);
    const review = form.querySelector("[name=review_by]").value;
    if (review) said.review_by = `${review}T00:00:00Z`;
  }
  said.act = said.conditions?.length ? "approve_with_conditions" : act;
  said.meaning = told.meanings[said.act];
  return { ...told.statement, predicate: { ...told.statement.predicate, ...said } };
}

async function sign(form, told, key) {
  const statement = decisionIn(form, told);
  const signed = { decision: await envelope(utf8.encode(JSON.stringify(statement)), key) };
  if (statement.predicate.act.startsWith("approve")) {
    signed.agreement = await envelope(fromBase64(told.agreement), key);
  }
  form.querySelector("[name=signed]").value = JSON.stringify(signed);
}

async function begin(form) {
  const problem = form.querySelector("[data-problem]");
  const say = (text) => { problem.textContent = text; problem.hidden = !text; };
  const able = await makeKey().catch(() => null);
  if (!able) {
    say("This browser can’t sign: it lacks Ed25519 keys, or this page did not come by HTTPS. "
      + "Use another browser, or a key file with countersign approve.");
    return;
  }
  const button = form.querySelector("button");
  if (form.dataset.signing === "enrol") {
    button.disabled = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const key = await makeKey();
      await keys("readwrite", (store) => store.put({ keyid: key.keyid, privateKey: key.privateKey }));
      form.querySelector("[name=public_key]").value = base64(key.raw);
      form.submit();
    });
    return;
  }
  const told = JSON.parse(document.getElementById("told").textContent);
  const kept = await keys("readonly", (store) => store.getAll());
  const key = kept.find((each) => told.keyids.includes(each.keyid));
  if (!key) {
    say("This browser holds no signing key of yours. Make one under “Your signing keys”, or use a "
      + "key file.");
    return;
  }
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await sign(form, told, key);
      form.submit();
    } catch (error) {
      say(error.message);
    }
  });
}

for (const form of document.querySelectorAll("form[data-signing]")) begin(form);
