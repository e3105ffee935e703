// The template API as its callers use it: create a template, send it to two numbers, ask every three seconds until the
// batch is completed, look at each message. URLs, headers and bodies are those of the ordering document.
//
// Run by tests/clients/run, which starts a gateway with simulated modems. Needs BASE_URL and API_KEY.
import assert from 'node:assert/strict';

const base = process.env.BASE_URL;
const headers = {
  Authorization: `Bearer ${process.env.API_KEY}`,
  'Content-Type': 'application/json',
};

async function call(method, path, body) {
  const response = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

const sendSms = async (asked) => (await call('POST', '/notification/sms', asked)).body;
const getSmsStatus = async (batchId) => (await call('GET', `/status/sms/batch/${batchId}`)).body;

async function checkSmsStatus(batchId) {
  const maxAttempts = 10;
  const interval = 3000;

  for (let i = 0; i < maxAttempts; i++) {
    const response = await getSmsStatus(batchId);
    if (response.data.status === 'COMPLETED') {
      return response.data;
    }
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
  throw new Error('查询超时');
}

const created = await call('POST', '/template/sms', {
  name: '验证码模板',
  content: '您的验证码是{{code}}，{{expireTime}}内有效【{{product}}】',
  variables: ['code', 'product', 'expireTime'],
  providerTemplateId: 'SMS_12345678',
});
assert.equal(created.status, 201);
assert.equal(created.body.code, 0);
const templateId = created.body.data.id;

const found = await call('GET', `/template/sms/page?page=1&size=10&name=${encodeURIComponent('验证码')}`);
assert.deepEqual(found.body.data.items.map((item) => item.id), [templateId]);

const response = await sendSms({
  templateId,
  phoneNumbers: ['13800138000', '13900139000'],
  params: { code: '123456', product: 'SMS-Serve', expireTime: '5分钟' },
});
assert.equal(response.code, 0);
assert.equal(response.data.success, true);
assert.deepEqual(response.data.failedNumbers, []);

const done = await checkSmsStatus(response.data.batchId);
assert.deepEqual([done.total, done.success, done.failed], [2, 2, 0]);
assert.match(done.completedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);

const page = await call('GET', `/status/sms/batch/${response.data.batchId}/messages?page=1&size=10`);
assert.deepEqual(
  page.body.data.items.map((item) => item.phoneNumber),
  ['13800138000', '13900139000'],
);
for (const item of page.body.data.items) {
  assert.ok(['SENT', 'DELIVERED'].includes(item.status), item.status);
  const one = await call('GET', `/status/sms/message/${item.id}`);
  assert.equal(one.body.data.content, '您的验证码是123456，5分钟内有效【SMS-Serve】');
}

// What their table of errors says.
const refused = async (asked, status, code) => {
  const answer = await call('POST', '/notification/sms', asked);
  assert.deepEqual([answer.status, answer.body.code, answer.body.data], [status, code, null]);
};
await refused({ templateId: 999, phoneNumbers: ['13800138000'] }, 404, 1001);
await refused({ templateId, phoneNumbers: ['123'], params: { code: '1', product: 'x', expireTime: 'x' } }, 400, 1002);
await refused({ templateId, phoneNumbers: ['13800138000'], params: { code: 123456 } }, 400, 1003);

assert.equal((await call('PATCH', `/template/sms/${templateId}`, { name: '新名称' })).body.data.name, '新名称');
assert.equal((await call('DELETE', `/template/sms/${templateId}`)).status, 204);
assert.equal((await call('GET', `/template/sms/${templateId}`)).body.code, 1001);

console.log('template: a template was sent to two numbers and followed to its end');
