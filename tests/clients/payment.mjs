// A billing service that tells of payments and asks for a code: its client is that of the ordering document, with axios,
// without a key, from the same host.
import assert from 'node:assert/strict';

import axios from 'axios';

import { newestText, textLike } from './handset.mjs';

class NotificationClient {
  constructor(baseUrl) {
    this.baseUrl = baseUrl;
  }

  async sendPaymentSuccessSms(phoneNumber, amount, currency) {
    try {
      await axios.post(`${this.baseUrl}/sms/send`, {
        phoneNumber,
        message: `CloudPhone Payment Successful\n\nYour payment of ${currency} ${amount.toFixed(2)} has been processed successfully.\n\nThank you for your business!`,
      });
    } catch (error) {
      console.error('Failed to send payment success SMS:', error);
    }
  }

  async sendPaymentOtp(phoneNumber) {
    try {
      const response = await axios.post(`${this.baseUrl}/sms/otp/send`, {
        phoneNumber,
        type: 'payment',
      });
      return response.data;
    } catch (error) {
      return {
        success: false,
        error: error.response?.data?.message || 'Failed to send OTP',
      };
    }
  }

  async verifyPaymentOtp(phoneNumber, code) {
    try {
      const response = await axios.post(`${this.baseUrl}/sms/otp/verify`, {
        phoneNumber,
        code,
        type: 'payment',
      });
      return response.data;
    } catch (error) {
      return {
        valid: false,
        error: error.response?.data?.message || 'Verification failed',
      };
    }
  }
}

const client = new NotificationClient(process.env.BASE_URL);
const phone = '+1234567890';

await client.sendPaymentSuccessSms(phone, 29.99, 'USD');
await textLike(phone, /^CloudPhone Payment Successful\n\nYour payment of USD 29\.99 has been processed successfully\.\n\nThank you for your business!$/);

const sent = await client.sendPaymentOtp(phone);
assert.equal(sent.success, true);
assert.equal(sent.expiresIn, 300);
const [, code] = await textLike(phone, /(?<!\d)(\d{6})(?!\d)/);
const wrong = code === '000000' ? '000001' : '000000';

const again = await client.sendPaymentOtp(phone);
assert.equal(again.success, false, 'a second code within the minute is refused, and the client shows why');
assert.notEqual(again.error, 'Failed to send OTP');

const mistyped = await client.verifyPaymentOtp(phone, wrong);
assert.deepEqual([mistyped.valid, mistyped.error, mistyped.remainingAttempts], [false, 'Invalid verification code', 2]);
assert.deepEqual(await client.verifyPaymentOtp(phone, code), { valid: true });
const twice = await client.verifyPaymentOtp(phone, code);
assert.deepEqual([twice.valid, twice.error], [false, 'Verification code expired or not found']);
assert.match(newestText(phone), new RegExp(code), 'one text was sent for it all');

console.log('payment: a payment was told of, and another confirmed by a code');
