// What the faulty wire has to know of the protocol between PostgreSQL and its clients. See "Frontend/Backend
// Protocol" in PostgreSQL's documentation.
import type { WireProtocol } from '../crash/wire-faults.js';

const LENGTH_BYTES = 4;
const HEAD_BYTES = 1 + LENGTH_BYTES;
/** What ends a request: a simple query, a sync, a flush, a farewell. */
const LAST_TYPES = ['Q', 'S', 'H', 'X'];

export const postgresProtocol: WireProtocol = {
  faults: ['reset', 'cut head', 'cut body', 'stall', 'swallow', 'abandon', 'cut off'],
  isWholeRequest: (received, requestsBefore) => {
    const isGreeting = requestsBefore === 0;
    if (isGreeting)
      return received.length >= LENGTH_BYTES && received.length >= received.readInt32BE(0);
    let position = 0;
    let lastType = '';
    while (position + HEAD_BYTES <= received.length) {
      lastType = received.toString('latin1', position, position + 1);
      position += 1 + received.readInt32BE(position + 1);
    }
    return position === received.length && LAST_TYPES.includes(lastType);
  },
  // The only statement whose parameter is a list of IDs.
  isGroup: (request) => {
    const text = request.toString('latin1');
    return text.includes('json_to_recordset') && text.split('"id":').length > 2;
  },
  headLengthBytes: (response) => Math.min(response.length, HEAD_BYTES),
};
