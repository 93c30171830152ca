// An order and a message to send, as statements in the transaction of a claim.
export function ordersIn({ ordersTableName, outboxTableName }) {
  return (id, item) => (database) => {
    database.prepare(`insert into ${ordersTableName} (order_id, item) values (?, ?)`).run(id, item);
    // Under a key of its own: if the writes were applied twice, there would be two.
    database.prepare(`insert into ${outboxTableName} (order_id, item) values (?, ?)`).run(id, item);
  };
}
