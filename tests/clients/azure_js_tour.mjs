// What @azure/storage-blob for JavaScript does in its default settings, against the gateway.
//
// Environment: ECLUSE_AZURE_ENDPOINT, AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_KEY, ECLUSE_NODE_MODULES (where the package is), and
// NODE_EXTRA_CA_CERTS over TLS. Exits with 0 when all holds.

import assert from "node:assert/strict";
import { randomBytes, createHash } from "node:crypto";
import { createRequire } from "node:module";
import { Readable } from "node:stream";

const require = createRequire(`${process.env.ECLUSE_NODE_MODULES}/`);
const {
  BlobSASPermissions, BlobServiceClient, ContainerSASPermissions, BlobClient, StorageSharedKeyCredential, generateBlobSASQueryParameters,
} = require("@azure/storage-blob");

const endpoint = process.env.ECLUSE_AZURE_ENDPOINT;
const key = new StorageSharedKeyCredential(process.env.AZURE_STORAGE_ACCOUNT, process.env.AZURE_STORAGE_KEY);
const service = new BlobServiceClient(endpoint, key);
const container = service.getContainerClient("tour-js");
const MIB = 1024 * 1024;

async function refused(what, code, status, call) {
  await assert.rejects(call, (error) => {
    assert.equal(error.code ?? error.details?.errorCode, code, what);
    assert.equal(error.statusCode, status, what);
    return true;
  }, what);
}

async function sizes() {
  for (const size of [0, 1, 65_535, 65_536, 65_537, 3 * MIB + 1]) {
    const body = randomBytes(size);
    const blob = container.getBlockBlobClient(`sizes/${size}`);
    await blob.upload(body, size);
    assert.deepEqual(await blob.downloadToBuffer(), body, `${size} bytes`);
  }
}

async function parallel() {
  const body = randomBytes(20 * MIB + 7);
  const blob = container.getBlockBlobClient("parallel/é 1+1 100%.dcm");
  const options = {
    blockSize: MIB + 3, concurrency: 5, maxSingleShotSize: MIB, metadata: { patient: "Tremblay" }, tags: { site: "nord" },
    blobHTTPHeaders: { blobContentType: "application/dicom", blobContentMD5: createHash("md5").update(body).digest() },
  };
  await blob.uploadData(body, options);
  assert.ok((await blob.downloadToBuffer(0, undefined, { blockSize: MIB + 1, concurrency: 5 })).equals(body), "in parallel blocks");
  const properties = await blob.getProperties();
  assert.equal(properties.contentLength, body.length);
  assert.equal(properties.contentType, "application/dicom");
  assert.deepEqual(properties.metadata, { patient: "Tremblay" });
  assert.deepEqual(Buffer.from(properties.contentMD5), options.blobHTTPHeaders.blobContentMD5);
  assert.deepEqual((await blob.getTags()).tags, { site: "nord" });
  const part = await blob.download(65_530, 12);
  assert.ok((await collected(part.readableStreamBody)).equals(body.subarray(65_530, 65_542)), "a range");
  const stream = container.getBlockBlobClient("parallel/stream");
  await stream.uploadStream(Readable.from([body.subarray(0, 100), body.subarray(100)]), MIB, 3);
  assert.ok((await stream.downloadToBuffer()).equals(body), "from a stream");
  assert.equal((await blob.getBlockList("committed")).committedBlocks.length, 20);
}

async function collected(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function conditions() {
  const blob = container.getBlockBlobClient("conditions");
  const { etag } = await blob.upload("one", 3);
  await refused("create only", "BlobAlreadyExists", 409, () => blob.upload("two", 3, { conditions: { ifNoneMatch: "*" } }));
  await blob.upload("two", 3, { conditions: { ifMatch: etag } });
  await refused("stale", "ConditionNotMet", 412, () => blob.upload("three", 5, { conditions: { ifMatch: etag } }));
  await refused("no blob", "BlobNotFound", 404, () => container.getBlobClient("none").download());
  assert.equal(await container.getBlobClient("none").exists(), false);
  const lease = blob.getBlobLeaseClient();
  await lease.acquireLease(15);
  await refused("leased", "LeaseIdMissing", 412, () => blob.upload("x", 1));
  await lease.releaseLease();
  const { snapshot } = await blob.createSnapshot();
  await blob.upload("new", 3);
  assert.equal((await blob.withSnapshot(snapshot).downloadToBuffer()).toString(), "two");
  await blob.delete({ deleteSnapshots: "include" });
}

async function others() {
  const log = container.getAppendBlobClient("log");
  await log.create();
  for (const line of ["one\n", "two\n", "three\n"]) await log.appendBlock(line, line.length);
  assert.equal((await log.downloadToBuffer()).toString(), "one\ntwo\nthree\n");
  const copy = await container.getBlobClient("copied").beginCopyFromURL(log.url);
  assert.equal((await copy.pollUntilDone()).copyStatus, "success");
  const sasOf = (permissions) => generateBlobSASQueryParameters(
    { containerName: "tour-js", blobName: "log", permissions, expiresOn: new Date(Date.now() + 3_600_000) }, key).toString();
  const reader = new BlobClient(`${endpoint}/tour-js/log?${sasOf(BlobSASPermissions.parse("r"))}`);
  assert.equal((await reader.downloadToBuffer()).toString(), "one\ntwo\nthree\n", "by SAS");
  await assert.rejects(() => reader.delete(), (error) => error.statusCode === 403, "delete by a SAS to read");
  const whole = await container.generateSasUrl({ permissions: ContainerSASPermissions.parse("rl"), expiresOn: new Date(Date.now() + 3_600_000) });
  assert.ok(whole.includes("sig="));
}

async function lists() {
  for (let index = 0; index < 7; index += 1) await container.getBlockBlobClient(`lists/${index % 2}/é ${index}`).upload("x", 1);
  const names = [];
  for await (const page of container.listBlobsFlat({ prefix: "lists/" }).byPage({ maxPageSize: 3 })) {
    assert.ok(page.segment.blobItems.length <= 3);
    names.push(...page.segment.blobItems.map((item) => item.name));
  }
  assert.deepEqual(names, ["lists/0/é 0", "lists/0/é 2", "lists/0/é 4", "lists/0/é 6", "lists/1/é 1", "lists/1/é 3", "lists/1/é 5"]);
  const prefixes = [];
  for await (const item of container.listBlobsByHierarchy("/", { prefix: "lists/" })) prefixes.push(`${item.kind} ${item.name}`);
  assert.deepEqual(prefixes, ["prefix lists/0/", "prefix lists/1/"]);
  const batch = await service.getBlobBatchClient().deleteBlobs(names.map((name) => container.getBlobClient(name)));
  assert.equal(batch.subResponsesSucceededCount, names.length);
  const left = [];
  for await (const item of container.listBlobsFlat({ prefix: "lists/" })) left.push(item.name);
  assert.deepEqual(left, []);
}

await container.create();
let failures = 0;
for (const stop of [sizes, parallel, conditions, others, lists]) {
  try {
    await stop();
    console.log(`${stop.name}: fine`);
  } catch (error) {
    failures += 1;
    console.log(`${stop.name}: ${String(error.stack).slice(0, 1200)}`);
  }
}
await container.delete();
assert.equal(await container.exists(), false);
process.exit(failures ? 1 : 0);
