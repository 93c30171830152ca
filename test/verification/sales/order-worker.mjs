// A server that writes an order and a message to send with each claim.
import { randomUUID } from 'node:crypto';
import { openSale } from './open-sale.mjs';
import { runWorker } from './worker-loop.mjs';

runWorker((task, ask) => {
  const { ordersTableName, outboxTableName } = task;
  const deduplicator = openSale(task);

  return (planned) => {
    const { id } = planned;
    const alongside = (item) => [
      putIfAbsent(ordersTableName, { order_id: { S: id }, item: { S: item } }),
      // Under a key of its own: if the writes were applied twice, there would be two.
      putIfAbsent(outboxTableName, {
        message_id: { S: randomUUID() },
        order_id: { S: id },
        item: { S: item },
      }),
    ];
    return ask(planned, () => deduplicator.claim(id, { alongside }));
  };
});

function putIfAbsent(TableName, Item) {
  const [key] = Object.keys(Item);
  return {
    Put: {
      TableName,
      Item,
      ConditionExpression: 'attribute_not_exists(#key)',
      ExpressionAttributeNames: { '#key': key },
    },
  };
}
