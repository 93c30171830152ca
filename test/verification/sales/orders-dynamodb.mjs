// An order and a message to send, as writes of a transaction of DynamoDB.
import { randomUUID } from 'node:crypto';

export function ordersIn({ ordersTableName, outboxTableName }) {
  return (id, item) => [
    putIfAbsent(ordersTableName, { order_id: { S: id }, item: { S: item } }),
    // Under a key of its own: if the writes were applied twice, there would be two.
    putIfAbsent(outboxTableName, {
      message_id: { S: randomUUID() },
      order_id: { S: id },
      item: { S: item },
    }),
  ];
}

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
