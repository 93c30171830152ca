// An order and a message to send, as statements in the transaction of a claim.
export function ordersIn({ ordersTableName, outboxTableName }) {
  return (id, item) => async (client) => {
    await client.query(`insert into ${ordersTableName} (order_id, item) values ($1, $2)`, [
      id,
      item,
    ]);
    // Under a key of its own: if the writes were applied twice, there would be two.
    await client.query(`insert into ${outboxTableName} (order_id, item) values ($1, $2)`, [
      id,
      item,
    ]);
  };
}
