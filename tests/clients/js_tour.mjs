// What @aws-sdk/client-s3 for JavaScript does in its default settings, against the gateway: its default checksums, links for a
// PUT that carry the checksum of an empty body in their query, what it asks of an object.
//
// Environment: ECLUSE_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ECLUSE_NODE_MODULES (where the package is), and
// NODE_EXTRA_CA_CERTS over TLS. Exits with 0 when all holds.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.ECLUSE_NODE_MODULES}/`);
const s3 = require("@aws-sdk/client-s3");
const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");

const client = new s3.S3Client({ endpoint: process.env.ECLUSE_ENDPOINT, region: "us-east-1", forcePathStyle: true });
const Bucket = "tour-js";
const whole = async (answer) => Buffer.from(await answer.Body.transformToByteArray());

await client.send(new s3.CreateBucketCommand({ Bucket }));

for (const size of [0, 1, 65_536, 3_000_001]) {
  const [Key, Body] = [`sizes/é ${size}`, randomBytes(size)];
  await client.send(new s3.PutObjectCommand({ Bucket, Key, Body, Metadata: { patient: "Tremblay" } }));
  const got = await client.send(new s3.GetObjectCommand({ Bucket, Key }));
  assert.equal(got.Metadata.patient, "Tremblay");
  assert.ok((await whole(got)).equals(Body), `${size} bytes`);
}

// A link for a PUT: made without a body, used with one.
const [linked, body] = ["linked/rapport 1+1.txt", randomBytes(40_000)];
const put = await getSignedUrl(client, new s3.PutObjectCommand({ Bucket, Key: linked }), { expiresIn: 600 });
const told = await fetch(put, { method: "PUT", body });
assert.equal(told.status, 200, await told.text());
const get = await getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key: linked }), { expiresIn: 600 });
assert.ok(Buffer.from(await (await fetch(get)).arrayBuffer()).equals(body), "what came by the link");

const asked = ["ETag", "ObjectSize", "StorageClass", "Checksum", "ObjectParts"];
const attributes = await client.send(new s3.GetObjectAttributesCommand({ Bucket, Key: linked, ObjectAttributes: asked }));
assert.equal(attributes.ObjectSize, body.length);
assert.ok(attributes.ETag);

const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key: "parts" }));
const pieces = [randomBytes(5 * 1024 * 1024), randomBytes(7)];
const Parts = [];
for (const [at, Body] of pieces.entries()) {
  const part = { Bucket, Key: "parts", UploadId, PartNumber: at + 1, Body };
  const { ETag, ChecksumCRC32 } = await client.send(new s3.UploadPartCommand(part));
  Parts.push({ PartNumber: at + 1, ETag, ChecksumCRC32 });
}
await client.send(new s3.CompleteMultipartUploadCommand({ Bucket, Key: "parts", UploadId, MultipartUpload: { Parts } }));
const joined = await client.send(new s3.GetObjectCommand({ Bucket, Key: "parts" }));
assert.ok((await whole(joined)).equals(Buffer.concat(pieces)), "an upload in parts");

await assert.rejects(client.send(new s3.GetObjectCommand({ Bucket, Key: "absent" })), { name: "NoSuchKey" });
const listed = await client.send(new s3.ListObjectsV2Command({ Bucket }));
const Objects = listed.Contents.map(({ Key }) => ({ Key }));
assert.equal(Objects.length, 6);
const deleted = await client.send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
assert.equal(deleted.Deleted.length, 6);
await client.send(new s3.DeleteBucketCommand({ Bucket }));
console.log("js_tour.mjs: fine");
