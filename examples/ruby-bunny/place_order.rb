# Place an order by queue and receive what becomes of it: ruby place_order.rb ORDER CUSTOMER SKU
#
# AMQP_URL, COMPANY and QUEUE come from the environment. Needs bunny (apt install ruby-bunny, or gem install bunny).
# When the connection breaks, run it again: the same message_id is done once, and what was not acknowledged comes again.

require "bunny"
require "date"
require "json"

company = ENV.fetch("COMPANY")
order_id, customer_id, sku = ARGV
command_id = "shop-#{order_id}"
received = {} # in real life a table: the event's id goes in with whatever we do because of it

connection = Bunny.new(ENV.fetch("AMQP_URL")).start
channel = connection.create_channel
channel.confirm_select
commands = channel.topic("erp.commands", no_declare: true)
commands.on_return { |info, _, _| abort "nobody takes #{info.routing_key}" }
commands.publish(
  JSON.generate(
    order_id: order_id, customer_id: customer_id, ordered_on: Date.today.iso8601, currency: "CNY",
    lines: [{ sku: sku, quantity: "1", unit_price: "50.00" }]
  ),
  routing_key: "order.place_order.v1", message_id: command_id, user_id: connection.user, persistent: true,
  mandatory: true, content_type: "application/json", headers: { "cloudEvents_company" => company }
)
channel.wait_for_confirms or abort "RabbitMQ did not take it" # else it has stored the message
puts "sent #{command_id}"

outcome = Queue.new
channel.prefetch(100)
channel.queue(ENV.fetch("QUEUE"), no_declare: true).subscribe(manual_ack: true) do |delivery, properties, body|
  attributes = properties.headers
  event = JSON.parse(body)
  fresh = received[attributes["cloudEvents_id"]].nil?
  received[attributes["cloudEvents_id"]] = true
  channel.ack(delivery.delivery_tag) # only now: if we had crashed before, it would have come again
  next unless fresh && attributes["cloudEvents_company"] == company

  case attributes["cloudEvents_type"]
  when "order.sale_delivered.v1"
    outcome << [0, "delivered #{JSON.generate(event)}"] if event["order_id"] == order_id
  when "order.command_rejected.v1"
    if event.values_at("principal", "command_id") == [connection.user, command_id]
      outcome << [1, "refused #{event["field"]}: #{event["message_zh"]} / #{event["message_en"]}"]
    end
  end
end

code, text = outcome.pop
connection.close # sends the last acknowledgement
code.zero? ? puts(text) : warn(text)
exit code
