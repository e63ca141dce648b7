// Starts the npm package telegram-test-api on a free port of the loopback and prints the port.
const net = require("node:net");
const { createRequire } = require("node:module");

const TelegramServer = createRequire(process.argv[2])("telegram-test-api");
const probe = net.createServer().listen(0, "127.0.0.1", () => {
  const { port } = probe.address();
  probe.close(async () => {
    const server = new (TelegramServer.default || TelegramServer)({ port, host: "127.0.0.1" });
    await server.start();
    console.log(port);
  });
});
