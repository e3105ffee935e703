// A device service that sends alerts: the health check and the text are those of the ordering document, with axios,
// without a key. The emoji makes it a text of several parts in UCS-2.
import assert from 'node:assert/strict';

import axios from 'axios';

import { newestText, textLike } from './handset.mjs';

const notificationServiceUrl = process.env.BASE_URL;
const phoneNumber = '+1234567891';
const answers = [];

async function sendDeviceAlert(deviceId, issue, severity) {
  const message = buildAlertMessage(deviceId, issue, severity);
  const response = await axios.post(`${notificationServiceUrl}/sms/send`, { phoneNumber, message });
  answers.push({ message, data: response.data });
}

async function checkDeviceHealthAndAlert(device) {
  const alerts = [];
  if (device.cpuUsage > 90) {
    alerts.push(`CPU usage is critically high (${device.cpuUsage}%)`);
  }
  if (device.memoryUsage > 95) {
    alerts.push(`Memory usage is critically high (${device.memoryUsage}%)`);
  }
  if (device.status === 'offline') {
    alerts.push('Device is offline');
  }
  if (device.errorCount > 10) {
    alerts.push(`Multiple errors detected (${device.errorCount} errors in the last hour)`);
  }
  if (alerts.length > 0) {
    await sendDeviceAlert(device.deviceId, alerts.join('; '), determineSeverity(device));
  }
}

function buildAlertMessage(deviceId, issue, severity) {
  const severityEmoji = {
    low: '⚠️',
    medium: '⚠️',
    high: '🚨',
    critical: '🔴',
  };

  return `${severityEmoji[severity] || '⚠️'} CloudPhone Device Alert

Device ID: ${deviceId}
Severity: ${severity.toUpperCase()}

Issue: ${issue}

Please check your device dashboard for more details.

Time: ${new Date().toLocaleString()}`;
}

function determineSeverity(device) {
  if (device.cpuUsage > 95 || device.memoryUsage > 98 || device.status === 'error') {
    return 'critical';
  }
  if (device.cpuUsage > 90 || device.memoryUsage > 95 || device.status === 'offline') {
    return 'high';
  }
  if (device.cpuUsage > 80 || device.memoryUsage > 90) {
    return 'medium';
  }
  return 'low';
}

await checkDeviceHealthAndAlert({
  deviceId: 'device-123',
  userId: 'user123',
  cpuUsage: 92,
  memoryUsage: 96,
  status: 'running',
  errorCount: 15,
});

const [{ message, data }] = answers;
assert.equal(data.success, true);
assert.match(data.messageId, /^MSG_/);
assert.ok(message.startsWith('🚨 CloudPhone Device Alert'));
await textLike(phoneNumber, /^🚨 CloudPhone Device Alert/);
assert.equal(newestText(phoneNumber), message, 'the phone has every character of it, in one piece');

const headers = { Authorization: `Bearer ${process.env.API_KEY}` };
const kept = await axios.get(`${notificationServiceUrl}/v1/messages/${data.messageId}`, { headers });
assert.equal(kept.data.encoding, 'ucs2');
assert.ok(kept.data.parts >= 4, `${kept.data.parts} parts`);

console.log(`alert: a text of ${kept.data.parts} parts with an emoji came whole`);
