"""Where tasks run. Each executor is one file and satisfies `femtobarn.running.engine.executor.Executor`."""
