// Place an order by queue and receive what becomes of it: node place_order.mjs ORDER CUSTOMER SKU
//
// AMQP_URL, COMPANY and QUEUE come from the environment. Needs amqplib (npm install).
// When the connection breaks, run it again: the same messageId is done once, and what was not acknowledged comes again.

import amqp from "amqplib";

const { AMQP_URL, COMPANY, QUEUE } = process.env;
const [orderId, customerId, sku] = process.argv.slice(2);
const user = decodeURIComponent(new URL(AMQP_URL).username);
const commandId = `shop-${orderId}`;
const received = new Set(); // in real life a table: the event's id goes in with whatever we do because of it

const connection = await amqp.connect(AMQP_URL);
const channel = await connection.createConfirmChannel();
channel.on("return", (message) => {
  throw new Error(`nobody takes ${message.fields.routingKey}`);
});
const order = {
  order_id: orderId, customer_id: customerId, ordered_on: new Date().toISOString().slice(0, 10), currency: "CNY",
  lines: [{ sku, quantity: "1", unit_price: "50.00" }],
};
channel.publish("erp.commands", "order.place_order.v1", Buffer.from(JSON.stringify(order)), {
  messageId: commandId, userId: user, persistent: true, mandatory: true, contentType: "application/json",
  headers: { cloudEvents_company: COMPANY },
});
await channel.waitForConfirms(); // RabbitMQ has stored it
console.log(`sent ${commandId}`);

await channel.prefetch(100);
await channel.consume(QUEUE, async (message) => {
  if (message === null) throw new Error(`the queue ${QUEUE} is gone`);
  const attributes = message.properties.headers;
  const event = JSON.parse(message.content);
  const isNew = !received.has(attributes.cloudEvents_id);
  received.add(attributes.cloudEvents_id);
  channel.ack(message); // only now: if we had crashed before, it would have come again
  if (!isNew || attributes.cloudEvents_company !== COMPANY) return;
  if (attributes.cloudEvents_type === "order.sale_delivered.v1" && event.order_id === orderId) {
    console.log(`delivered ${JSON.stringify(event)}`);
    await end(0);
  }
  if (attributes.cloudEvents_type === "order.command_rejected.v1" && event.principal === user
      && event.command_id === commandId) {
    console.error(`refused ${event.field}: ${event.message_zh} / ${event.message_en}`);
    await end(1);
  }
});

async function end(code) {
  await connection.close(); // sends the last acknowledgement
  process.exit(code);
}
