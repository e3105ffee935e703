// Registration by a code, with the curl lines of the ordering document as they stand there but for the address; then
// with fetch, as a web form does it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

import { textLike } from './handset.mjs';

const base = process.env.BASE_URL;

/** Runs a curl line of the document in a shell. */
function shell(line) {
  const asked = line.replaceAll('http://localhost:30006', base);
  return JSON.parse(execFileSync('bash', ['-c', asked], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}

const sent = shell(`curl -X POST http://localhost:30006/sms/otp/send \\
  -H "Content-Type: application/json" \\
  -d '{
    "phoneNumber": "+1234567890",
    "type": "registration"
  }'`);
assert.equal(sent.success, true);
assert.equal(sent.expiresIn, 600);
assert.equal(sent.resendAfter, 60);
const [, code] = await textLike('+1234567890', /(?<!\d)(\d{6})(?!\d)/);

const verified = shell(`curl -X POST http://localhost:30006/sms/otp/verify \\
  -H "Content-Type: application/json" \\
  -d '{
    "phoneNumber": "+1234567890",
    "code": "${code}",
    "type": "registration"
  }'`);
assert.deepEqual(verified, { valid: true });

const paid = shell(`curl -X POST http://localhost:30006/sms/send \\
  -H "Content-Type: application/json" \\
  -d '{
    "phoneNumber": "+1234567890",
    "message": "CloudPhone Payment Successful\\n\\nYour payment of USD 29.99 has been processed.\\n\\nThank you!"
  }'`);
assert.equal(paid.success, true);
await textLike('+1234567890', /^CloudPhone Payment Successful\n\nYour payment of USD 29\.99 has been processed\.\n\nThank you!$/);

const warned = shell(`curl -X POST http://localhost:30006/sms/send \\
  -H "Content-Type: application/json" \\
  -d '{
    "phoneNumber": "+1234567890",
    "message": "🚨 CloudPhone Device Alert\\n\\nDevice ID: device-123\\nSeverity: HIGH\\n\\nIssue: CPU usage is critically high (92%)\\n\\nPlease check your dashboard."
  }'`);
assert.equal(warned.success, true);
await textLike('+1234567890', /^🚨 CloudPhone Device Alert\n\nDevice ID: device-123\nSeverity: HIGH\n\nIssue: CPU usage is critically high \(92%\)\n\nPlease check your dashboard\.$/);

// Three wrong codes, and a new one must be asked for. Every type of the document has a life of its own.
async function call(path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, ...(await response.json()) };
}

const phoneNumber = '+1234567892';
const lives = { registration: 600, login: 300, password_reset: 900, payment: 300, device_operation: 600 };
for (const [type, expiresIn] of Object.entries(lives)) {
  const answer = await call('/sms/otp/send', { phoneNumber: `+12345678${10 + Object.keys(lives).indexOf(type)}`, type });
  assert.deepEqual([answer.status, answer.success, answer.expiresIn], [200, true, expiresIn], type);
}
assert.equal((await call('/sms/otp/send', { phoneNumber, type: 'LOGIN' })).success, true);
const [, right] = await textLike(phoneNumber, /(?<!\d)(\d{6})(?!\d)/);
const wrong = right === '000000' ? '000001' : '000000';
for (const remainingAttempts of [2, 1, 0]) {
  const answer = await call('/sms/otp/verify', { phoneNumber, code: wrong, type: 'login' });
  assert.deepEqual([answer.status, answer.valid], [200, false]);
  assert.equal(answer.remainingAttempts, remainingAttempts);
}
const late = await call('/sms/otp/verify', { phoneNumber, code: right, type: 'login' });
assert.deepEqual([late.valid, late.error], [false, 'Too many attempts, please request a new code']);

console.log('registration: a code was sent, read from the phone and verified');
