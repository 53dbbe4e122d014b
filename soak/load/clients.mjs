/** The other ends of many connections, in a process of their own. */
import { once } from 'node:events';
import { connect } from 'node:net';

const [port, count] = process.argv.slice(2).map(Number);
const sockets = [];
for (let i = 0; i < count; i += 100) {
  const batch = Array.from({ length: Math.min(100, count - i) }, () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
    return once(socket, 'connect');
  });
  await Promise.all(batch);
}
process.send('connected');
await once(process, 'message');
await Promise.all(
  sockets.map((socket) => new Promise((done) => socket.write('x', done))),
);
process.send('written');
process.on('disconnect', () => process.exit());
