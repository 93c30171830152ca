// TLS with a key that both sides know. It encrypts as TLS to DynamoDB does, and needs no certificate.
const CIPHER = { ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const;
const KEY = Buffer.from('not a secret');

export const SERVER_TLS = { ...CIPHER, pskCallback: () => KEY };

export const CLIENT_TLS = {
  ...CIPHER,
  pskCallback: () => ({ psk: KEY, identity: 'bench' }),
  // There is no certificate to check.
  checkServerIdentity: () => undefined,
};
