/** A thread that sends this process a signal every few milliseconds. */
import { workerData } from 'node:worker_threads';

const { signal, least, most } = workerData;
const kick = () => {
  process.kill(process.pid, signal);
  setTimeout(kick, least + Math.random() * (most - least));
};
kick();
