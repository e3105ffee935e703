// The two routes of a complete OTP system, called with fetch and without a key, as its document shows them.
import assert from 'node:assert/strict';

import { textLike } from './handset.mjs';

const base = process.env.BASE_URL;

async function call(path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

const phoneNumber = '+12025550123';
let code;
for (let sends = 0; sends < 3; sends++) {
  const asked = Date.now();
  const sent = await call('/api/otp/send', { phoneNumber });
  assert.equal(sent.status, 200);
  assert.equal(sent.body.success, true);
  assert.match(sent.body.expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const life = new Date(sent.body.expiresAt) - asked;
  assert.ok(Math.abs(life - 600_000) < 10_000, `${life} ms`);
  const before = code;
  const deadline = Date.now() + 10_000;
  do {
    [, code] = await textLike(phoneNumber, /^Your verification code is: (\d{6})\n\nValid for 10 minutes\.$/);
  } while (code === before && Date.now() < deadline);
}
const fourth = await call('/api/otp/send', { phoneNumber });
assert.deepEqual(fourth, { status: 400, body: { error: 'Too many attempts. Please wait 1 minute.' } });
assert.deepEqual(await call('/api/otp/send', { phoneNumber: '12' }), { status: 400, body: { error: 'Invalid phone number' } });

const wrong = code === '000000' ? '000001' : '000000';
assert.deepEqual(await call('/api/otp/verify', { phoneNumber, code: wrong }), {
  status: 400,
  body: { valid: false, reason: 'Invalid or expired code' },
});
assert.deepEqual(await call('/api/otp/verify', { phoneNumber, code }), { status: 200, body: { success: true } });
assert.deepEqual(await call('/api/otp/verify', { phoneNumber, code }), {
  status: 400,
  body: { valid: false, reason: 'Invalid or expired code' },
});

const other = '+12025550124';
await call('/api/otp/send', { phoneNumber: other });
const [, right] = await textLike(other, /^Your verification code is: (\d{6})\n/);
for (let failures = 0; failures < 5; failures++) {
  await call('/api/otp/verify', { phoneNumber: other, code: right === '000000' ? '000001' : '000000' });
}
assert.deepEqual(await call('/api/otp/verify', { phoneNumber: other, code: right }), {
  status: 400,
  body: { valid: false, reason: 'Too many attempts' },
});

console.log('otp: codes were sent three times and used once');
