"""Where tasks run. Each executor is one file and satisfies `femtobarn.run.engine.executor.Executor`."""
