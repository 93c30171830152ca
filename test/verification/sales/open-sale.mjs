// The package as it would be published, in front of the tables of a sale on whatever store.
export async function openSale({ store, sale, ...task }) {
  const { openSales } = await import(`./open-${store}.mjs`);
  const [deduplicator] = await openSales({ ...task, sales: [sale] });
  return deduplicator;
}

/** Makes the writes of an order and of a message to send, from the ID and the item. */
export async function openOrders({ store, own }) {
  const { ordersIn } = await import(`./orders-${store}.mjs`);
  return ordersIn(own);
}
