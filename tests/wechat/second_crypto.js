// The npm package wechat-crypto behind a line protocol: one JSON request on standard input, one JSON answer each.
'use strict';

const WXBizMsgCrypt = require('wechat-crypto');
const [token, aesKey, appId] = process.argv.slice(2);
const crypt = new WXBizMsgCrypt(token, aesKey, appId);

const operations = {
  sign: ({ timestamp, nonce, encrypted }) => crypt.getSignature(timestamp, nonce, encrypted),
  seal: ({ message }) => crypt.encrypt(message),
  open: ({ encrypted }) => crypt.decrypt(encrypted),
};

const lines = require('readline').createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const request = JSON.parse(line);
  process.stdout.write(JSON.stringify(operations[request.operation](request)) + '\n');
});
