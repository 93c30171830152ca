// Tells a connection that was never established from one that broke.

/** System calls that come before a connection is established. */
const CONNECTING: readonly (string | undefined)[] = ['connect', 'getaddrinfo'];

/** See "X509 certificate error codes" in the documentation of `node:tls`. */
const CERTIFICATE_CODES: ReadonlySet<string | undefined> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Messages of the SDK's connection timeout, in older and newer versions, and of Node.js. */
const UNCONNECTED_TEXT =
  /did not establish a connection|without establishing a connection|before secure TLS connection was established/;

/**
 * Whether the attempt ended before its connection was established, so that nothing of the request was
 * sent. If a connection broke, even an idle one, the request may have got through.
 */
export function isUnreachable(error: unknown): boolean {
  const { syscall, code, message, errors } = (error ?? {}) as {
    readonly syscall?: string;
    readonly code?: string;
    readonly message?: unknown;
    readonly errors?: unknown;
  };
  // One error for each address of a host.
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isUnreachable);
  return (
    CONNECTING.includes(syscall) ||
    CERTIFICATE_CODES.has(code) ||
    (typeof message === 'string' && UNCONNECTED_TEXT.test(message))
  );
}
