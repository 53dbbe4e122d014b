/** The result of {@link Kqueue.on}. Disposing of it stops the listener. */
export interface Subscription extends Disposable {
  /** Stop the listener. Later events go to other consumers. */
  stop(): void;
}
